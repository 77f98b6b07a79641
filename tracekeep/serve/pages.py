"""Pages for people: the dashboard, an incident, a trace. No script but that of an incident's page,
nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tracekeep.incident import with_raw_lines
from tracekeep.incident.answer import Question, answer
from tracekeep.incident.arguments import count_to, name_of, time_of, trace_id_of
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.incident.masking import harmless
from tracekeep.incident.page import page, source_hash, style
from tracekeep.serve.charts import error_chart, traffic_chart
from tracekeep.serve.dashboard import MOST_HOURS, figures
from tracekeep.serve.requests import WrongRequestError, parsed

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

_ALONE = "frame-ancestors 'none'"
_STATUSES = {"found": 200, "unknown": 404, "expired": 410, "erased": 410}
RAW_LINES = "Raw lines are not shown here: `python -m tracekeep incident --html FILE` writes them."


@dataclass(frozen=True, slots=True)
class Page:
    """A page of HTML. policy: what a browser may do with it (Content-Security-Policy)."""

    text: str
    policy: str
    status: int = 200


def dashboard(lake: DeltaLake, variables: Mapping[str, Any], asked: QueryParams) -> Page:
    """What happened in the last `hours` (24) up to the newest window of Gold."""
    hours = _given(asked, "hours", count_to(MOST_HOURS)) or 24
    told = figures(lake, variables, hours, datetime.now(UTC))
    charts = {"error_chart": error_chart(told), "traffic_chart": traffic_chart(told)}
    return _rendered("dashboard.html", told | charts)


def incident(lake: DeltaLake, variables: Mapping[str, Any], asked: QueryParams) -> Page:
    """As `tracekeep incident`: the worst window, or what happened between the times `from` and
    `to`; of one `environment`, one `service`."""
    start, end = _given(asked, "from", time_of), _given(asked, "to", time_of)
    if (start is None) != (end is None) or (start and end and start >= end):
        raise WrongRequestError("from and to belong together, the earlier time first")
    named = {name: _given(asked, name, name_of) for name in ("environment", "service")}
    return _answered(lake, Question.under(variables, start=start, end=end, **named))


def trace(lake: DeltaLake, variables: Mapping[str, Any], asked: QueryParams) -> Page:
    """One trace, `trace_id`, with the windows and paths around it."""
    return _answered(
        lake, Question.under(variables, trace_id=parsed(trace_id_of, asked["trace_id"]))
    )


def error(status: int, message: str) -> Page:
    """What went wrong."""
    told = {"title": HTTPStatus(status).phrase, "message": message}
    return _rendered("error.html", told, status)


def _answered(lake: DeltaLake, question: Question) -> Page:
    told = with_raw_lines(answer(lake, question), lambda _: [])
    told["notes"] = [*told["notes"], RAW_LINES]
    return Page(page(told), _ALONE, _STATUSES[told["status"]])


def _given(asked: QueryParams, name: str, parse: Callable[[str], Any]) -> Any:
    """A parameter; None if it is not given."""
    return parsed(parse, asked[name]) if asked.get(name) else None


def _rendered(name: str, told: Mapping[str, Any], status: int = 200) -> Page:
    css = style() + Path(__file__).with_name("dashboard.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src '{source_hash(css)}'; base-uri 'none'; "
        f"form-action 'none'; {_ALONE}"
    )
    own = Markup(css)  # noqa: S704 - the project's own files
    return Page(_TEMPLATES.get_template(name).render(told, style=own), policy, status)


def _visible(value: Any) -> Any:
    """Text without characters that hide or turn what stands beside them."""
    return harmless(value) if type(value) is str else value


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    finalize=_visible,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
