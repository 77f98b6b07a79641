"""Which alerts are told: each once, again if its verdict changes, and once when it is over."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracekeep.alerts.verdicts import QUIET, Alert

GOES_ON = "0001-01-01T00:00:00Z"
"""As Alertmanager writes that something has no end yet."""
WITHDRAWN = "withdrawn"
_NOT_SO = "by all data that has come by now, it is not so, or part of another"
_TIMEOUT = 10
"""Seconds to wait for a webhook."""


class DeliveryError(Exception):
    """A webhook that did not take the alerts; the message does not name it, as its address may be
    a secret."""


@dataclass(slots=True)
class Told:
    """An alert that was told. `status` is the last that was: firing or resolved."""

    name: str
    labels: dict[str, str]
    started_at: str
    ended_at: str | None
    status: str
    verdict: str
    fingerprint: str
    is_of_now: bool

    def is_of(self, alert: Alert) -> bool:
        """Whether it is the same. Late data may have moved its start, so times have to meet."""
        if (self.name, self.labels) != (alert.name, dict(alert.labels)):
            return False
        start = datetime.fromisoformat(self.started_at)
        end = datetime.fromisoformat(self.ended_at) if self.ended_at else None
        begins_in_time = end is None or alert.started_at <= end + QUIET
        return begins_in_time and (alert.ended_at is None or start <= alert.ended_at + QUIET)


def messages(
    alerts: Sequence[Alert], told: Sequence[Told], since: datetime
) -> tuple[list[dict[str, Any]], list[Told]]:
    """What is to be told now, in Alertmanager's form, and all that was told then.

    since: from when on alerts were looked for; what began before it is forgotten.
    """
    left = list(told)
    news: list[dict[str, Any]] = []
    kept: list[Told] = []
    for alert in alerts:
        now = next((it for it in left if it.is_of(alert)), None)
        status = "firing" if alert.ended_at is None else "resolved"
        if now is None:
            # what is over when it is first seen is told all the same, and its end the next time
            now = _first(alert)
            news.append(_message(now, alert.facts))
        else:
            left.remove(now)
            is_other = now.verdict != alert.verdict
            now.ended_at = alert.ended_at.isoformat() if alert.ended_at else None
            # while it goes on, its verdict may still turn with each minute
            if status != now.status or (is_other and status == "resolved"):
                was = now.verdict if is_other else None
                now.status, now.verdict = status, alert.verdict
                news.append(_message(now, alert.facts, was))
        kept.append(now)
    for gone in left:
        if datetime.fromisoformat(gone.started_at) < since and not gone.is_of_now:
            continue
        if gone.is_of_now:
            gone.status, gone.ended_at = "resolved", gone.ended_at or gone.started_at
            news.append(_message(gone, {"summary": "it is over"}))
            continue
        if gone.verdict != WITHDRAWN:
            was, gone.verdict, gone.status = gone.verdict, WITHDRAWN, "resolved"
            gone.ended_at = gone.ended_at or gone.started_at
            news.append(_message(gone, {"summary": _NOT_SO}, was))
        kept.append(gone)
    return news, kept


def _first(alert: Alert) -> Told:
    return Told(
        name=alert.name,
        labels=dict(alert.labels),
        started_at=alert.started_at.isoformat(),
        ended_at=None,
        status="firing",
        verdict=alert.verdict,
        fingerprint=_fingerprint(alert),
        is_of_now=alert.is_of_now,
    )


def _message(told: Told, facts: Mapping[str, str], corrected: str | None = None) -> dict[str, Any]:
    annotations = {**facts, "verdict": told.verdict}
    if corrected:
        annotations["corrected"] = f"before: {corrected}"
    ended = told.ended_at if told.status == "resolved" else None
    return {
        "status": told.status,
        "labels": {"alertname": told.name, **told.labels},
        "annotations": annotations,
        "startsAt": _time(told.started_at),
        "endsAt": _time(ended) if ended else GOES_ON,
        "generatorURL": "",
        "fingerprint": told.fingerprint,
    }


def _time(text: str) -> str:
    return text.replace("+00:00", "Z")


def _fingerprint(alert: Alert) -> str:
    """16 hex digits from name, labels and first start."""
    parts = [alert.name, sorted(alert.labels.items()), alert.started_at.isoformat()]
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
    rows = [{name: getattr(it, name) for name in Told.__slots__} for it in told]
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(rows), encoding="utf-8")
    draft.replace(path)


def post(url: str, news: Sequence[Mapping[str, Any]]) -> None:
    """Send alerts to a webhook in the form of Alertmanager's (version 4). Raises DeliveryError."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise DeliveryError("the webhook is no address of http or https")
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
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "tracekeep"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - as above
            pass
    except (OSError, ValueError) as error:  # HTTPError, URLError and time-outs are of them
        reason = getattr(error, "code", None) or type(error).__name__
        raise DeliveryError(f"the webhook did not take {len(news)} alerts: {reason}") from error


def _common(of: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return dict(set.intersection(*(set(it.items()) for it in of)))
