"use strict";
(() => {
  // Everything that is shown comes from here, and only as text: nothing is ever parsed as HTML.
  const data = JSON.parse(document.getElementById("answer").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const page = document.getElementById("page");

  // ------------------------------------------------------------ small things

  const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const visible = (text) => String(text).replace(CONTROLS, (c) => {
    const hex = c.charCodeAt(0).toString(16);
    return hex.length > 2 ? "\\u" + hex.padStart(4, "0") : "\\x" + hex.padStart(2, "0");
  });

  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "on") for (const [event, action] of Object.entries(value)) node.addEventListener(event, action);
      else if (key === "style") for (const [name, of] of Object.entries(value)) node.style.setProperty(name, of);
      else node.setAttribute(key, value === true ? "" : visible(value));
    }
    for (const child of children.flat(3)) {
      if (child === null || child === undefined || child === false) continue;
      node.append(child instanceof Node ? child : document.createTextNode(visible(child)));
    }
    return node;
  }
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  const whole = (n) => Number(n).toLocaleString("en-US");
  const plural = (n, word) => `${whole(n)} ${word}${n === 1 ? "" : "s"}`;
  const share = (rate) => rate === null || rate === undefined ? "–" : `${(rate * 100).toFixed(rate && rate < 0.1 ? 1 : 0)} %`;
  const ms = (value) => {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0 ms";
    const digits = value >= 100 ? 0 : value >= 1 ? 1 : 2;
    return `${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ms`;
  };
  const isOfDays = data.shown_range && data.shown_range.start.slice(0, 10) !== data.shown_range.end.slice(0, 10);
  const clock = (time) => (isOfDays ? time.slice(5, 16).replace("T", " ") : time.slice(11, 16));
  const severalIn = (environment) => data.environments.length > 1 ? ` · ${environment}` : "";
  const precise = (time) => time.slice(11, 23).replace("Z", "");
  const dated = (time) => `${time.slice(0, 10)} ${time.slice(11, 19)}`;
  const shortName = (name) => /\.(svc|cluster|local|internal)(\.|$)/.test(name) ? name.split(".")[0] : name;
  const cut = (text, length) => text.length > length ? `${text.slice(0, length - 1)}…` : text;

  const shownTraces = new Set((data.traces || []).map((trace) => trace.trace_id));
  const traceLink = (id, text) => shownTraces.has(id)
    ? h("a", { href: `#trace-${id}`, class: "mono" }, text || id.slice(0, 8))
    : h("span", { class: "mono faint", title: `trace ${id}` }, text || id.slice(0, 8));
  const moreNote = (count, what) => count > 0 ? h("p", { class: "more" }, `${plural(count, `more ${what}`)} not shown here.`) : null;
  function section(title, note, ...children) {
    const id = `s-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
    return h("section", { "aria-labelledby": id }, h("header", {}, h("h2", { id }, title), note && h("span", { class: "small" }, note)), children);
  }

  // ------------------------------------------------------------ head

  function headline() {
    const group = data.path_groups[0];
    const one = data.question.trace_id ? data.traces[0] : null;
    if (one) return one.path_count ? `A request failed along ${one.service_paths[0].map(shortName).join(" → ")}` : "One trace";
    if (group) {
      const origin = shortName(group.suspected_root_cause || group.service_path[group.service_path.length - 1]);
      const others = group.service_path.map(shortName).filter((name) => name !== origin);
      return others.length ? `${origin} failed, felt up to ${others[0]}` : `${origin} failed`;
    }
    if (data.worst_window) return `${data.worst_window.service} failed`;
    return "No error in this time";
  }

  function head() {
    const range = data.range;
    const environments = data.environments.length ? ` · environment ${data.environments.join(", ")}` : "";
    document.title = `${visible(headline())} – Tracekeep`;
    const newCount = data.patterns.filter((pattern) => pattern.is_new).length;
    const figure = (name, value, isBad) => h("div", {}, h("dt", {}, name), h("dd", { class: isBad ? "bad" : "" }, value));
    const rate = data.request_count ? data.error_count / data.request_count : null;
    return [
      h("header", {},
        h("p", { class: "over" }, "Tracekeep incident"),
        h("h1", {}, headline()),
        h("p", { class: "sub" }, `${dated(range.start)} to ${range.end.slice(0, 10) === range.start.slice(0, 10) ? range.end.slice(11, 19) : dated(range.end)} UTC${environments}`,
          data.question.service ? ` · service ${data.question.service}` : "",
          data.question.as_of !== null ? ` · as of ${typeof data.question.as_of === "number" ? `version ${data.question.as_of}` : `${dated(data.question.as_of)} UTC`}` : "")),
      data.message && h("p", { class: "notice plain" }, data.message),
      h("dl", { class: "figures" },
        figure("Requests", whole(data.request_count)),
        figure("Failed", whole(data.error_count), data.error_count > 0),
        figure("Error rate", share(rate), rate > 0),
        figure("Error logs", whole(data.error_log_count), data.error_log_count > 0),
        figure("Error traces", whole(data.error_trace_count)),
        figure("New patterns", whole(newCount), newCount > 0)),
    ];
  }

  // ------------------------------------------------------------ timeline

  function timeline() {
    const points = data.timeline.map((point) => ({ ...point, at: Date.parse(point.window_start) }));
    if (!points.length) return null;
    const from = Date.parse(data.shown_range.start), to = Date.parse(data.shown_range.end);
    const step = Math.max(60000 * data.window_minutes, Math.ceil((to - from) / 240 / 60000) * 60000 || 0, 1);
    const W = Math.max(320, Math.min(1084, page.clientWidth - (page.clientWidth < 720 ? 54 : 86)));
    const mostLogs = Math.max(...points.map((point) => point.error_log_count));
    const left = 44, right = 8, top = 16, high = 92, gap = 34, low = 76, logsHigh = mostLogs ? 44 : 0;
    const logsBottom = top + high + (mostLogs ? gap + logsHigh : 0);
    const bottom = logsBottom + gap + low;
    const x = (time) => left + (time - from) / (to - from) * (W - left - right);
    const width = Math.max(1.5, (W - left - right) * step / (to - from) - 1.2);
    const most = Math.max(...points.map((point) => point.slowest_p95_latency_ms || 0), 1);
    const yRate = (rate) => top + high - rate * high;
    const yMs = (value) => bottom - value / most * low;
    const yLogs = (count) => logsBottom - count / mostLogs * logsHigh;
    const parts = [];
    const range = data.range;
    parts.push(s("rect", { class: "shade", x: x(Date.parse(range.start)), y: top - 4, width: Math.max(2, x(Date.parse(range.end)) - x(Date.parse(range.start))), height: bottom - top + 4 }));
    for (const rate of [0, 0.5, 1]) parts.push(s("line", { class: "grid", x1: left, x2: W - right, y1: yRate(rate), y2: yRate(rate) }), s("text", { x: left - 8, y: yRate(rate) + 4, "text-anchor": "end" }, `${rate * 100} %`));
    for (const value of [0, most]) parts.push(s("line", { class: "grid", x1: left, x2: W - right, y1: yMs(value), y2: yMs(value) }));
    parts.push(s("text", { x: left, y: yMs(most) - 6 }, `slowest endpoint's p95, up to ${ms(most)}`), s("text", { x: left, y: top - 6 }, "error rate"));
    const ticks = W < 480 ? 3 : 6;
    for (let i = 0; i <= ticks; i += 1) {
      const at = from + (to - from) * i / ticks;
      parts.push(s("text", { x: x(at), y: bottom + 16, "text-anchor": i === 0 ? "start" : i === ticks ? "end" : "middle" }, clock(new Date(at).toISOString())));
    }
    if (mostLogs) {
      for (const count of [0, mostLogs]) parts.push(s("line", { class: "grid", x1: left, x2: W - right, y1: yLogs(count), y2: yLogs(count) }));
      parts.push(s("text", { x: left, y: yLogs(mostLogs) - 6 }, `error logs, up to ${whole(mostLogs)}`));
      for (const point of points) if (point.error_log_count) parts.push(s("rect", { class: "error-logs", x: x(point.at), y: yLogs(point.error_log_count), width, height: Math.max(1.5, logsBottom - yLogs(point.error_log_count)) }));
    }
    for (const point of points) if (point.error_rate) parts.push(s("rect", { class: "failed", x: x(point.at), y: yRate(point.error_rate), width, height: Math.max(1.5, top + high - yRate(point.error_rate)) }));
    const seen = points.filter((point) => point.slowest_p95_latency_ms !== null);
    let path = "";
    seen.forEach((point, i) => {
      const near = i > 0 && point.at - seen[i - 1].at <= 5 * step;
      path += `${near ? "L" : "M"}${(x(point.at) + width / 2).toFixed(1)} ${yMs(point.slowest_p95_latency_ms).toFixed(1)}`;
      if (!near || i === seen.length - 1) parts.push(s("circle", { class: "latency-dot", cx: x(point.at) + width / 2, cy: yMs(point.slowest_p95_latency_ms), r: 1.8 }));
    });
    parts.push(s("path", { class: "latency", d: path }));
    let hasChange = false;
    for (const change of data.changes) {
      const at = Date.parse(change.changed_at);
      if (at < from || at >= to || !change.is_on_path) continue;
      hasChange = true;
      parts.push(s("g", {}, s("title", {}, `${change.change_kind} of ${change.service || "all services"} ${change.service_version || ""}, ${clock(change.changed_at)}`), s("line", { class: "change", x1: x(at), x2: x(at), y1: top - 4, y2: bottom }), s("circle", { class: "change-head", cx: x(at), cy: top - 4, r: 3.2 })));
    }
    const cursor = s("line", { class: "cursor", y1: top - 4, y2: bottom, visibility: "hidden" });
    parts.push(cursor);
    const readout = h("p", { class: "readout", "aria-live": "polite" }, W < 480 ? "Tap the chart for its figures." : "Point at the chart, or move with the arrow keys.");
    let place = Math.max(0, points.findIndex((point) => point.at >= Date.parse(range.start)));
    const told = (point) => `${clock(point.window_start)}  ${plural(point.request_count, "request")}, ${whole(point.error_count)} failed (${share(point.error_rate)}), ${plural(point.error_log_count, "error log")}, p95 ${ms(point.slowest_p95_latency_ms)}`;
    const svg = s("svg", { viewBox: `0 0 ${W} ${bottom + 22}`, role: "slider", tabindex: 0, "aria-label": "Timeline of error rate, error logs and latency", "aria-valuemin": 0, "aria-valuemax": points.length - 1, "aria-valuenow": place, "aria-valuetext": told(points[place]) }, parts);
    function show(next) {
      place = Math.min(points.length - 1, Math.max(0, next));
      const at = x(points[place].at) + width / 2;
      cursor.setAttribute("x1", at); cursor.setAttribute("x2", at); cursor.setAttribute("visibility", "visible");
      readout.textContent = told(points[place]);
      svg.setAttribute("aria-valuenow", place); svg.setAttribute("aria-valuetext", told(points[place]));
    }
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = (event.clientX - box.left) / box.width * W;
      let best = 0;
      points.forEach((point, i) => { if (Math.abs(x(point.at) + width / 2 - at) < Math.abs(x(points[best].at) + width / 2 - at)) best = i; });
      show(best);
    });
    svg.addEventListener("pointerdown", () => svg.focus());
    svg.addEventListener("keydown", (event) => {
      const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: points.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      show(next);
    });
    return section("Timeline", "all requests, per window", h("div", { class: "chart" }, readout, svg),
      h("div", { class: "legend" },
        h("span", {}, h("i", { class: "i-bad" }), "error rate"),
        mostLogs > 0 && h("span", {}, h("i", { class: "i-logs" }), "error logs"), h("span", {}, h("i", { class: "i-line" }), "p95 latency"),
        h("span", {}, h("i", { class: "i-shade" }), "incident"),
        hasChange && h("span", {}, h("i", { class: "i-mark" }), "change of a service on an error path")));
  }

  // ------------------------------------------------------------ paths, patterns, changes, windows

  const chain = (names, origin) => h("span", { class: "chain" }, names.map((name, i) => [
    i > 0 && h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
    h("span", { class: `chip${i === names.length - 1 ? " end" : ""}`, title: name }, shortName(name)),
  ]), origin && origin !== names[names.length - 1] && [h("span", { class: "arrow", "aria-hidden": "true" }, "→"), h("span", { class: "chip end", title: origin }, shortName(origin))]);

  function suspects() {
    if (!data.suspects.length) return null;
    return section("Suspects", "what differs most from the hours around; from Gold alone",
      h("ul", { class: "list" }, data.suspects.slice(0, 3).map((suspect) => h("li", { class: "row" },
        h("span", { class: "count", title: "score" }, suspect.score.toFixed(2)),
        h("div", { class: "grow" },
          chain(suspect.service_path),
          severalIn(suspect.environment) && h("p", { class: "small dim" }, `environment ${suspect.environment}`),
          h("p", { class: "small" }, cut(suspect.because, 400)))))));
  }

  function paths() {
    if (!data.path_groups.length) return null;
    return section("Error paths", "from the root to where it began; from Gold alone",
      h("ul", { class: "list" }, data.path_groups.map((group) => h("li", { class: "row" },
        h("span", { class: "count", title: plural(group.trace_count, "trace") }, whole(group.trace_count)),
        h("div", { class: "grow" },
          chain(group.service_path, group.suspected_root_cause),
          severalIn(group.environment) && h("p", { class: "small dim" }, `environment ${group.environment}`),
          h("p", { class: "small" }, group.error_type && h("span", { class: "mono" }, group.error_type, " "), cut(group.error_message || (group.error_type ? "" : "no message"), 300)),
          h("p", { class: "small dim" }, "traces ", group.trace_ids.slice(0, 6).map((id) => [traceLink(id), " "]), group.trace_count > 6 ? `and ${whole(group.trace_count - 6)} more` : ""))))),
      moreNote(data.path_group_count - data.path_groups.length, "kind of path"));
  }

  function patterns() {
    if (!data.patterns.length) return null;
    return section("Error patterns", "new ones first",
      h("ul", { class: "list" }, data.patterns.map((pattern) => h("li", { class: "row" },
        h("span", { class: "count" }, whole(pattern.failures_in_range)),
        h("div", { class: "grow" },
          h("p", {}, pattern.is_new && [h("span", { class: "tag bad" }, "new"), " "], h("strong", {}, pattern.service || "unknown service"), h("span", { class: "dim" }, severalIn(pattern.environment)), " ", pattern.error_type && h("span", { class: "mono dim" }, pattern.error_type)),
          h("p", { class: "small" }, cut(pattern.error_template || pattern.error_message || "", 300)),
          pattern.first_seen_at && h("p", { class: "small dim" }, `first seen ${dated(pattern.first_seen_at)}`, pattern.trace_id && [", trace ", traceLink(pattern.trace_id)]))))),
      moreNote(data.pattern_count - data.patterns.length, "pattern"));
  }

  function changes() {
    const start = Date.parse(data.range.start);
    const rows = data.changes.map((change) => {
      const minutes = Math.round((Date.parse(change.changed_at) - start) / 60000);
      return h("li", {},
        h("p", {}, change.is_on_path && [h("span", { class: "tag mark" }, "on an error path"), " "], h("strong", {}, change.service || "all services"), ` ${change.change_kind} ${change.service_version || ""}`),
        h("p", { class: "small dim" }, `${clock(change.changed_at)}, ${Math.abs(minutes)} min ${minutes < 0 ? "before" : "after"} the start`),
        h("p", { class: "small" }, `error rate ${share(change.error_rate_before)} → ${share(change.error_rate_after)}, p95 ${ms(change.p95_latency_ms_before)} → ${ms(change.p95_latency_ms_after)}`));
    });
    return section("Changes near the start", "an hour before, until the end",
      rows.length ? h("ul", { class: "list" }, rows) : h("p", { class: "dim" }, "No change is known in this time."),
      moreNote(data.change_count - data.changes.length, "change"));
  }

  function windows() {
    if (!data.windows.length) return null;
    const first = 12;
    const severalRegions = new Set(data.windows.map((window) => window.region)).size > 1;
    const row = (window) => h("tr", {},
      h("td", { class: "nb" }, clock(window.window_start)), h("td", {}, h("strong", {}, window.service), " ", h("span", { class: "dim" }, window.endpoint, severalIn(window.environment), severalRegions && ` · ${window.region}`)),
      h("td", { class: "n" }, whole(window.request_count)), h("td", { class: "n bad" }, whole(window.error_count)), h("td", { class: "n" }, share(window.error_rate)),
      h("td", { class: "n" }, whole(window.error_log_count)),
      h("td", { class: "n" }, ms(window.p95_latency_ms)), h("td", { class: "nb" }, (window.sample_trace_ids || []).slice(0, 3).map((id) => [traceLink(id), " "])));
    const body = h("tbody", {}, data.windows.slice(0, first).map(row));
    const rest = data.windows.slice(first);
    const more = rest.length ? h("p", { class: "more" }, h("button", { class: "link", type: "button", on: { click: () => { body.append(...rest.map(row)); more.remove(); } } }, `Show ${plural(rest.length, "more window")}`)) : null;
    return section("Windows with errors", `${data.window_minutes === 60 ? "hours" : `${data.window_minutes} min each`}, exact counts from Gold`,
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Windows with errors" }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", {}, "UTC"), h("th", {}, "Endpoint"), h("th", { class: "n" }, "Requests"), h("th", { class: "n" }, "Failed"), h("th", { class: "n" }, "Rate"), h("th", { class: "n" }, "Error logs"), h("th", { class: "n" }, "p95"), h("th", {}, "Traces"))), body)),
      more, moreNote(data.window_count - data.windows.length, "window"));
  }

  // ------------------------------------------------------------ service graph

  function layered(names, edges) {
    const layer = new Map(names.map((name) => [name, 0]));
    for (let round = 0; round < names.length; round += 1) {
      let moved = false;
      for (const edge of edges) {
        const next = layer.get(edge.source_service) + 1;
        if (next > layer.get(edge.target_service) && next < 8 && !edge.isBack) { layer.set(edge.target_service, next); moved = true; }
      }
      if (!moved) break;
    }
    return layer;
  }

  function markBackEdges(names, edges) {
    const out = new Map(names.map((name) => [name, []]));
    for (const edge of edges) out.get(edge.source_service).push(edge);
    const state = new Map();
    for (const root of names) {
      const stack = [[root, 0]];
      if (state.has(root)) continue;
      state.set(root, 1);
      while (stack.length) {
        const top = stack[stack.length - 1];
        const edge = out.get(top[0])[top[1]];
        top[1] += 1;
        if (!edge) { state.set(top[0], 2); stack.pop(); continue; }
        if (state.get(edge.target_service) === 1) edge.isBack = true;
        else if (!state.has(edge.target_service)) { state.set(edge.target_service, 1); stack.push([edge.target_service, 0]); }
      }
    }
  }

  function graph() {
    const all = data.graph.filter((edge) => edge.source_service !== edge.target_service).map((edge) => ({ ...edge }));
    if (!all.length) return null;
    const MOST = 26;
    const names = [];
    const add = (name) => { if (!names.includes(name) && names.length < MOST) names.push(name); };
    for (const edge of all) { add(edge.source_service); add(edge.target_service); }
    const edges = all.filter((edge) => names.includes(edge.source_service) && names.includes(edge.target_service));
    names.sort((a, b) => (a === "external" ? -1 : b === "external" ? 1 : a < b ? -1 : 1));
    markBackEdges(names, edges);
    const layer = layered(names, edges);
    const failed = new Map(names.map((name) => [name, 0]));
    const calls = new Map(names.map((name) => [name, 0]));
    const types = new Map();
    for (const edge of edges) {
      failed.set(edge.target_service, failed.get(edge.target_service) + edge.error_count);
      calls.set(edge.target_service, calls.get(edge.target_service) + edge.call_count);
      types.set(edge.target_service, edge.target_type);
    }
    const columns = [];
    for (const name of names) (columns[layer.get(name)] = columns[layer.get(name)] || []).push(name);
    const place = new Map();
    for (let column = 0; column < columns.length; column += 1) {
      columns[column] = columns[column] || [];
      const weight = (name) => {
        const ys = edges.filter((edge) => edge.target_service === name && place.has(edge.source_service)).map((edge) => place.get(edge.source_service).row);
        return ys.length ? ys.reduce((a, b) => a + b, 0) / ys.length : 0;
      };
      const weights = new Map(columns[column].map((name) => [name, weight(name)]));
      columns[column].sort((a, b) => weights.get(a) - weights.get(b) || (a < b ? -1 : 1));
      columns[column].forEach((name, row) => place.set(name, { column, row: row - (columns[column].length - 1) / 2 }));
    }
    const NW = 132, NH = 38, DX = 198, DY = 52;
    const tallest = Math.max(...columns.map((column) => column.length));
    const W = (columns.length - 1) * DX + NW + 8, H = tallest * DY + 20;
    const at = (name) => ({ x: 4 + place.get(name).column * DX, y: H / 2 + place.get(name).row * DY - NH / 2 });
    const parts = [], labels = [];
    const ordered = [...edges].sort((a, b) => (a.error_count > 0) - (b.error_count > 0));
    for (const edge of ordered) {
      const a = at(edge.source_service), b = at(edge.target_service);
      const isHot = edge.error_count > 0, isForward = b.x > a.x;
      const x1 = isForward ? a.x + NW : a.x + NW / 2, y1 = isForward ? a.y + NH / 2 : a.y + NH;
      const x2 = isForward ? b.x - 7 : b.x + NW / 2, y2 = isForward ? b.y + NH / 2 : b.y + NH + 7;
      const bend = isForward ? Math.max(28, (x2 - x1) / 2) : 0;
      const d = isForward ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` : `M${x1} ${y1}C${x1} ${y1 + 34} ${x2} ${y2 + 34} ${x2} ${y2}`;
      const head = isForward ? `M${x2 + 7} ${y2}l-8 -4v8z` : `M${x2} ${y2 - 7}l-4 8h8z`;
      parts.push(s("path", { class: `edge${isHot ? " hot" : ""}`, d, "stroke-width": (1 + Math.min(2.5, Math.log10(1 + edge.call_count))).toFixed(2) },
        s("title", {}, `${edge.source_service} → ${edge.target_service}: ${plural(edge.call_count, "call")}, ${whole(edge.error_count)} failed, p95 ${ms(edge.highest_p95_latency_ms)}`)), s("path", { class: `head${isHot ? " hot" : ""}`, d: head }));
      if (isHot) {
        const text = `${whole(edge.error_count)} of ${whole(edge.call_count)}`;
        const mx = isForward ? x2 - 33 : (x1 + x2) / 2, my = isForward ? y2 : y1 + 28;
        const label = s("g", { class: "edge-label" }, s("rect", { x: mx - text.length * 3.3 - 3, y: my - 9, width: text.length * 6.6 + 6, height: 17, rx: 4 }), s("text", { x: mx, y: my + 4, "text-anchor": "middle" }, text));
        labels.push(edge.trace_id && shownTraces.has(edge.trace_id) ? s("a", { href: `#trace-${edge.trace_id}`, "aria-label": `${edge.source_service} to ${edge.target_service}: ${text} calls failed, example trace` }, label) : label);
      }
    }
    for (const name of names) {
      const p = at(name), isHot = failed.get(name) > 0, type = types.get(name) || "service";
      const isPeer = type !== "service" || name === "external";
      parts.push(s("g", { class: `node${isPeer ? " peer" : ""}${isHot ? " hot" : ""}`, transform: `translate(${p.x} ${p.y})` },
        s("title", {}, name), s("rect", { width: NW, height: NH, rx: isPeer ? 19 : 6 }),
        s("text", { x: 12, y: 16 }, cut(shortName(name), 17)),
        s("text", { class: "under", x: 12, y: 30 }, name === "external" ? "from outside" : `${type === "service" ? "" : `${type}, `}${isHot ? `${whole(failed.get(name))} failed` : plural(calls.get(name), "call")}`)));
    }
    const left = new Set(data.graph.flatMap((edge) => [edge.source_service, edge.target_service])).size - names.length;
    const summary = edges.filter((edge) => edge.error_count).map((edge) => `${edge.source_service} to ${edge.target_service}: ${edge.error_count} of ${edge.call_count} failed`).join("; ");
    return section("Service graph", "calls in the incident; failing ones in red, with how many of them failed",
      h("div", { class: "scroll graph", tabindex: 0, role: "region", "aria-label": "Service graph" }, s("svg", { width: W, style: { "min-width": `${Math.min(W, 860)}px` }, viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": `Failing calls: ${summary || "none"}` }, parts, labels)),
      moreNote(left, "service"), moreNote(data.edge_count - data.graph.length, "edge"));
  }

  // ------------------------------------------------------------ traces

  const STATUS = { found: "good", expired: "bad", erased: "bad", not_kept: "", unknown: "" };
  const layerLine = (layer) => h("span", {}, `${layer.layer[0].toUpperCase()}${layer.layer.slice(1)} `,
    h("span", { class: `tag ${STATUS[layer.status]}` }, layer.status.replace("_", " ")), layer.version !== null ? ` version ${layer.version}` : "",
    layer.note ? ` ${layer.note}` : "");

  const lineId = (trace, place) => `line-${trace.trace_id}-${place}`;
  const spanId = (trace, span) => `span-${trace.trace_id}-${span.span_id || "none"}${span.kind ? `-${span.kind}` : ""}`;

  function rawLine(trace, line, place) {
    return h("li", { id: lineId(trace, place), tabindex: -1 },
      h("p", { class: "small dim" }, `${line.record === "span" ? "Span" : "Log"} record, ${line.source_format || "unknown format"}, `, h("span", { class: "mono" }, `${line.source_file || ""}`), ` at byte ${whole(line.source_position ?? 0)}`,
        line.span_id && [", span ", h("a", { href: "#", class: "mono", on: { click: (event) => { event.preventDefault(); openSpan(trace, line.span_id); } } }, line.span_id)]),
      h("pre", { tabindex: 0 }, line.raw_text || ""));
  }

  const logLine = (log) => h("pre", { tabindex: 0 }, `${precise(log.logged_at)} ${log.service || ""} ${log.severity_text || ""} ${log.body || ""}`);

  function detail(trace, span) {
    const field = (name, value) => value === null || value === undefined || value === "" ? null : [h("dt", {}, name), h("dd", {}, value)];
    const logs = trace.log_records.filter((log) => span.span_id && log.span_id === span.span_id);
    const lines = trace.raw_lines.map((line, place) => ({ line, place })).filter(({ line }) => span.span_id && line.span_id === span.span_id);
    const bronze = trace.layers.find((layer) => layer.layer === "bronze");
    const status = [span.status_code, span.http_status_code && `HTTP ${span.http_status_code}`, span.rpc_status_code !== null && span.rpc_status_code !== undefined && `gRPC ${span.rpc_status_code}`].filter(Boolean).join(", ");
    return h("div", { class: "detail" },
      h("dl", {}, field("Service", `${span.service}${span.service_version ? ` ${span.service_version}` : ""}`), field("Operation", span.operation), field("Kind", span.kind),
        field("Started", `${precise(span.started_at)}, ${ms(span.offset_ms)} into the trace`), field("Latency", ms(span.latency_ms)),
        span.critical_ms !== null && field("Critical path", `${ms(span.critical_ms)} of its own`), field("Status", status), field("Error", span.error_type), field("Message", span.error_message || span.status_message), field("Pod", span.pod), field("Span id", h("span", { class: "mono" }, span.span_id || "none"))),
      span.error_stack && h("details", { class: "fold" }, h("summary", {}, "Stack trace"), h("pre", { tabindex: 0 }, span.error_stack)),
      logs.length > 0 && h("details", { class: "fold", open: logs.some((log) => log.is_error) && logs.length < 5 }, h("summary", {}, plural(logs.length, "log record")),
        logs.map(logLine)),
      lines.length > 0
        ? h("details", { class: "fold" }, h("summary", {}, `${plural(lines.length, "raw line")} in Bronze`), h("ul", { class: "lines" }, lines.map(({ line }) => h("li", {}, h("p", { class: "small dim" }, `${line.record} record, `, h("span", { class: "mono" }, line.source_file || ""), ` at byte ${whole(line.source_position ?? 0)}`), h("pre", { tabindex: 0 }, line.raw_text || "")))))
        : h("p", { class: "more" }, bronze.status === "found" ? "No raw line of this span is shown." : `Raw lines: ${bronze.status}. ${bronze.note || ""}`));
  }

  const openers = new Map();
  function openSpan(trace, id) {
    const span = trace.spans.find((each) => each.span_id === id);
    if (!span) return;
    const row = document.getElementById(spanId(trace, span));
    if (row.getAttribute("aria-expanded") !== "true") row.click();
    row.scrollIntoView({ block: "center" });
    row.focus();
    flash(row);
  }
  function flash(node) { node.classList.remove("hit"); void node.offsetWidth; node.classList.add("hit"); }

  function waterfall(trace) {
    const end = Math.max(...trace.spans.map((span) => span.offset_ms + (span.latency_ms || 0)), 0.001);
    const percent = (value) => `${(value / end * 100).toFixed(3)}%`;
    const rows = trace.spans.map((span) => {
      const logs = trace.log_records.filter((log) => span.span_id && log.span_id === span.span_id && log.service === span.service);
      const holder = h("div", { hidden: true });
      const button = h("button", { class: "span-row", type: "button", id: spanId(trace, span), "aria-expanded": "false",
        "aria-label": `${span.service} ${span.endpoint || span.operation || ""}, ${ms(span.latency_ms)}${span.is_error ? ", failed" : ""}${span.critical_ms !== null ? ", on the critical path" : ""}`,
        on: { click: () => {
          const isOpen = button.getAttribute("aria-expanded") === "true";
          if (!holder.firstChild) holder.append(detail(trace, span));
          holder.hidden = isOpen;
          button.setAttribute("aria-expanded", String(!isOpen));
        } } },
        h("span", { class: `name${span.is_error ? " err" : ""}` }, h("span", { class: "indent", style: { width: `${Math.min(span.depth, 14) * 12}px`, flex: "none" } }),
          h("span", { class: "svc" }, span.service), h("span", { class: "ep" }, span.endpoint || span.operation || "", span.kind ? ` · ${span.kind}` : "")),
        h("span", { class: "ms" }, ms(span.latency_ms)),
        h("span", { class: "track" },
          h("span", { class: `bar${span.is_error ? " err" : ""}`, style: { left: percent(span.offset_ms), width: percent(span.latency_ms || 0) } }),
          span.critical_ms !== null && h("span", { class: "crit", style: { left: percent(span.offset_ms), width: percent(span.latency_ms || 0) } }),
          logs.slice(0, 20).map((log) => h("span", { class: `dot${log.is_error ? " err" : ""}`, style: { left: percent(Math.min(Math.max(log.offset_ms, 0), end)) } })),
        ));
      return [button, holder];
    });
    return h("div", { class: "fall" },
      h("div", { class: "axis" }, h("span", {}, "Span"), h("span", { class: "ms" }, "latency"), h("span", { class: "ticks" }, [0, 0.5, 1].map((part) => h("span", {}, ms(end * part))))), rows);
  }

  function traceBody(trace) {
    const body = [h("div", { class: "layers" }, trace.layers.map(layerLine))];
    if (trace.layers.some((layer) => layer.status === "expired" || layer.status === "erased")) body.push(h("p", { class: "notice plain small" }, trace.told_by === "gold"
      ? "Silver no longer holds all of this trace. What is shown is what Gold kept of it: of an error trace that is everything but the raw text."
      : "Bronze no longer holds its raw lines. What is shown is the whole trace in Silver."));
    if (trace.marks.length) body.push(h("p", { class: "small dim" }, "Marks: ", trace.marks.join(", ").replaceAll("_", " ")));
    if (trace.spans.length) body.push(waterfall(trace), h("div", { class: "legend" }, h("span", {}, h("i", { class: "i-bar" }), "span"), h("span", {}, h("i", { class: "i-bad" }), "failed"), h("span", {}, h("i", { class: "i-mark", style: { height: "2px", "vertical-align": "4px" } }), "critical path"), h("span", {}, "ticks above a bar: log records")));
    body.push(moreNote(trace.span_count - trace.spans.length, "span"));
    const shownSpans = new Set(trace.spans.map((span) => span.span_id));
    const loose = trace.log_records.filter((log) => !log.span_id || !shownSpans.has(log.span_id));
    if (loose.length) body.push(h("details", { class: "fold", open: loose.some((log) => log.is_error) && loose.length < 5 }, h("summary", {}, `${plural(loose.length, "log record")} without a span that is shown`), loose.map(logLine)));
    body.push(moreNote(trace.log_record_count - trace.log_records.length, "log record"));
    body.push(moreNote(trace.path_count - trace.told_path_count, "error path"));
    if (trace.critical_path.length) {
      const slow = [...trace.critical_path].sort((a, b) => b.added_ms - a.added_ms).slice(0, 3);
      body.push(h("p", { class: "more" }, "Most time of the critical path: ", slow.map((step) => `${step.service} ${step.endpoint || ""} ${ms(step.added_ms)}`).join(", "), "."));
    }
    const bronze = trace.layers.find((layer) => layer.layer === "bronze");
    if (trace.raw_lines.length) {
      const list = h("ul", { class: "lines" });
      body.push(h("details", { class: "fold soft", on: { toggle: (event) => { if (event.target.open && !list.firstChild) list.append(...trace.raw_lines.map((line, place) => rawLine(trace, line, place))); } } },
        h("summary", {}, `All ${plural(trace.raw_line_count, "raw line")} as they came, secrets masked`), list, moreNote(trace.raw_line_count - trace.raw_lines.length, "raw line")));
    } else body.push(h("p", { class: "more" }, `Raw lines: ${bronze.status.replace("_", " ")}. ${bronze.note || ""}`));
    return body;
  }

  function traces() {
    if (!data.traces.length) return null;
    const items = data.traces.map((trace, i) => {
      const body = h("div", { class: "body" });
      const open = () => { if (!body.firstChild) body.append(...traceBody(trace).filter(Boolean)); };
      const isBad = trace.has_error;
      const worst = trace.layers.find((layer) => layer.status === "expired" || layer.status === "erased");
      const item = h("details", { class: "trace", id: `trace-${trace.trace_id}`, on: { toggle: () => { if (item.open) open(); } } },
        h("summary", {}, h("span", { class: "mono" }, trace.trace_id), isBad ? h("span", { class: "tag bad" }, trace.is_fatal ? "request failed" : "inner error") : h("span", { class: "tag" }, "no error"),
          worst && h("span", { class: "tag" }, `${worst.layer} ${worst.status}`),
          trace.service_paths.length > 0 && h("span", { class: "small dim" }, trace.service_paths[0].map(shortName).join(" → ")), h("span", { class: "small dim" }, plural(trace.span_count, "span"))), body);
      if (i === 0) { open(); item.open = true; }
      openers.set(trace.trace_id, () => { open(); item.open = true; });
      return item;
    });
    return section("Traces", `${whole(data.traces.length)} shown; press a span for its message, its logs and its raw lines`, items,
      moreNote(data.error_trace_count - data.traces.filter((trace) => trace.path_count > 0).length, "error trace"));
  }

  function followHash() {
    const match = /^#trace-([0-9a-f]{32})$/.exec(location.hash);
    if (!match || !openers.has(match[1])) return;
    openers.get(match[1])();
    const node = document.getElementById(`trace-${match[1]}`);
    node.scrollIntoView({ block: "start" });
    node.querySelector("summary").focus({ preventScroll: true });
    flash(node.querySelector("summary"));
  }

  function foot() {
    const versions = data.versions.map((version) => `${version.table_name} ${version.version}`).join(" · ");
    return h("footer", {}, data.notes.map((note) => h("p", {}, `Note: ${note}`)),
      h("details", { class: "fold" }, h("summary", {}, "Delta versions that this was read from"), h("p", { class: "small" }, versions)),
      h("p", { class: "small" }, "Made by Tracekeep. Texts are masked by the redaction policy. This page loads nothing and sends nothing."));
  }

  function nothing() {
    const words = { expired: "Expired", erased: "Erased", unknown: "Nothing is known of it" };
    document.title = `${words[data.status]} – Tracekeep`;
    return [h("header", {}, h("p", { class: "over" }, "Tracekeep incident"), h("h1", {}, words[data.status])), h("p", { class: "notice" }, data.message), foot()];
  }

  const parts = data.status === "found"
    ? [head(), suspects(), timeline(), paths(), graph(), h("div", { class: "pair" }, h("div", {}, patterns()), h("div", {}, changes())), windows(), traces(), foot()]
    : nothing();
  page.replaceChildren(...parts.flat(3).filter(Boolean));
  addEventListener("hashchange", followHash);
  followHash();
})();
