"""Which alerts are told: each once, again if its verdict changes, and once when it is over."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracekeep.alerts.verdicts import QUIET, Alert, Looked

GOES_ON = "0001-01-01T00:00:00Z"
"""As Alertmanager writes that something has no end yet."""
WITHDRAWN = "withdrawn"
REMEMBERED = timedelta(days=31)
"""How long something that is over is not told again, beyond the longest look back."""
_NOT_SO = "by all data that has come by now, it is not so, or part of another"
_TIMEOUT = 10
"""Seconds to wait for a webhook."""


class DeliveryError(Exception):
    """A webhook that did not take the alerts; the message does not name it, as its address may be
    a secret."""


@dataclass(slots=True)
class Told:
    """An alert that was told. Times are ISO 8601, UTC.

    until: its end, as far as that is known: while it goes on, the end of what was looked at.
    status: the last that was told, firing or resolved. verdict: the last that was told.
    """

    name: str
    kind: str
    labels: dict[str, str]
    started_at: str
    until: str
    status: str
    verdict: str
    fingerprint: str

    def is_of(self, alert: Alert, looked: Looked) -> bool:
        """Whether it is the same. Late data may have moved the times of an episode, so they have to
        meet; all else is known by its labels."""
        if (self.name, self.labels) != (alert.name, dict(alert.labels)):
            return False
        if alert.kind != "episode":
            return True
        start, until = map(datetime.fromisoformat, (self.started_at, self.until))
        return alert.started_at <= until + QUIET and start <= _until(alert, looked) + QUIET


def messages(
    alerts: Sequence[Alert], told: Sequence[Told], looked: Looked
) -> tuple[list[dict[str, Any]], list[Told]]:
    """What is to be told now, in Alertmanager's form, and all that was told then."""
    left = list(told)
    news: list[dict[str, Any]] = []
    kept: list[Told] = []
    for alert in alerts:
        now = next((it for it in left if it.is_of(alert, looked)), None)
        status = "firing" if alert.ended_at is None else "resolved"
        if now is None:
            # what is over when it is first seen is told all the same, and its end the next time
            now = _first(alert, looked)
            news.append(_message(now, alert.facts))
        else:
            left.remove(now)
            now.until = _until(alert, looked).isoformat()
            is_other = now.verdict != alert.verdict
            # while it goes on, its verdict may still turn with each minute
            if status != now.status or (is_other and status == "resolved"):
                was = now.verdict if is_other else None
                now.status, now.verdict = status, alert.verdict
                news.append(_message(now, alert.facts, was))
        kept.append(now)
    for gone in left:
        if message := _gone(gone, looked):
            news.append(message)
        if gone.kind != "state" and looked.until - datetime.fromisoformat(gone.until) < REMEMBERED:
            kept.append(gone)
    return news, kept


def _gone(gone: Told, looked: Looked) -> dict[str, Any] | None:
    """What is to be told of something that was told and is not there any more."""
    start, until = map(datetime.fromisoformat, (gone.started_at, gone.until))
    if gone.kind == "state":
        gone.status, gone.until = "resolved", looked.at.isoformat()
        return _message(gone, {"summary": "it is over"})
    if until < looked.since and gone.status == "firing":
        gone.status = "resolved"
        return _message(gone, {"summary": "it is over"})
    was_looked_at = start >= looked.since or (until >= looked.since and gone.status == "firing")
    if not was_looked_at or gone.verdict == WITHDRAWN:
        return None
    was, gone.verdict, gone.status = gone.verdict, WITHDRAWN, "resolved"
    return _message(gone, {"summary": _NOT_SO}, was)


def _first(alert: Alert, looked: Looked) -> Told:
    return Told(
        name=alert.name,
        kind=alert.kind,
        labels=dict(alert.labels),
        started_at=alert.started_at.isoformat(),
        until=_until(alert, looked).isoformat(),
        status="firing",
        verdict=alert.verdict,
        fingerprint=_fingerprint(alert),
    )


def _until(alert: Alert, looked: Looked) -> datetime:
    return max(alert.ended_at or looked.until, alert.started_at)


def _message(told: Told, facts: Mapping[str, str], corrected: str | None = None) -> dict[str, Any]:
    annotations = {**facts, "verdict": told.verdict}
    if corrected:
        annotations["corrected"] = f"before: {corrected}"
    return {
        "status": told.status,
        "labels": {"alertname": told.name, **told.labels},
        "annotations": annotations,
        "startsAt": _time(told.started_at),
        "endsAt": _time(told.until) if told.status == "resolved" else GOES_ON,
        "generatorURL": "",
        "fingerprint": told.fingerprint,
    }


def _time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _fingerprint(alert: Alert) -> str:
    """16 hex digits from name and labels, and of an episode from its first start."""
    start = alert.started_at.isoformat() if alert.kind == "episode" else ""
    parts = [alert.name, sorted(alert.labels.items()), start]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def read_told(path: Path) -> list[Told]:
    """The alerts that were told, as `write_told` has written them; none without the file.

    Raises ValueError for another file.
    """
    if not path.exists():
        return []
    try:
        return [Told(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no list of told alerts: delete it to begin anew") from error


def write_told(path: Path, told: Iterable[Told]) -> None:
    """Write them, whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(it) for it in told]), encoding="utf-8")
    draft.replace(path)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would go on as a GET without its alerts."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none: it is an error, with its status."""


def post(url: str, news: Sequence[Mapping[str, Any]]) -> None:
    """Send alerts to a webhook in the form of Alertmanager's (version 4). Raises DeliveryError."""
    is_firing = any(it["status"] == "firing" for it in news)
    body = {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing" if is_firing else "resolved",
        "receiver": "tracekeep",
        "groupLabels": {},
        "commonLabels": _common([it["labels"] for it in news]),
        "commonAnnotations": _common([it["annotations"] for it in news]),
        "externalURL": "",
        "alerts": list(news),
    }
    headers = {"Content-Type": "application/json", "User-Agent": "tracekeep"}
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise DeliveryError("the webhook is no address of http or https")
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            url, json.dumps(body).encode(), headers
        )
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_TIMEOUT):
            pass
    except (OSError, ValueError, HTTPException) as error:
        # not its own words, nor a trace back to them: they may hold the address
        reason = getattr(error, "code", None) or type(error).__name__
        raise DeliveryError(f"the webhook did not take {len(news)} alerts: {reason}") from None


def _common(of: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return dict(sorted(set.intersection(*(set(it.items()) for it in of))))
