"""Events: spans and log records, deduplicated (docs/contract.md: same span, same log record)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from oracle.fields import ERROR_SEVERITY
from oracle.messages import Failure, Message

REQUEST_KINDS = frozenset({"server", "consumer"})
UNKNOWN_ENVIRONMENT = "unknown"


@dataclass(slots=True)
class Span:
    """One span. Times in ns since 1970; `end_ns` 0 = missing; ids lower-case hex or None.

    `failures` is what all its versions that failed say (R2); `links` are trace and span ids;
    `status_code` is `Ok` or `Error` as stated, None = unset. `endpoint` is what the endpoint is
    taken from, before any template. `is_tied`: other versions say something else, and nothing
    but the canonical text, which the contract leaves open, puts this one before them.
    """

    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    service: str
    name: str
    kind: str | None
    start_ns: int
    end_ns: int
    is_error: bool
    random_value: str | None
    has_plain_endpoint: bool
    digest: bytes
    failures: frozenset[Failure] = frozenset()
    peer: str | None = None
    peer_type: str = "external"
    links: tuple[tuple[str | None, str | None], ...] = ()
    status_code: str | None = None
    endpoint: str = ""
    environment: str = UNKNOWN_ENVIRONMENT
    versions: int = 1
    is_tied: bool = False
    is_request: bool = False

    @property
    def latency_ns(self) -> int:
        """End minus start in ns; 0 if the end is missing or before the start."""
        return max(self.end_ns - self.start_ns, 0)

    @property
    def key(self) -> Hashable:
        """What makes it the same span; without both ids only the same content is."""
        if self.trace_id is None or self.span_id is None:
            return self.digest
        is_receiver = self.kind in REQUEST_KINDS
        return self.trace_id, self.span_id, is_receiver, self.service, self.start_ns

    @property
    def rank(self) -> tuple[bool, int]:
        """R5's order of versions before content: error before ok, later end before earlier."""
        return self.is_error, self.end_ns

    @property
    def content(self) -> tuple[str, ...]:
        """The compared content, the last resort of R5's order."""
        return (
            self.parent_span_id or "", self.name, self.kind or "", self.random_value or "",
            self.status_code or "",
        )  # fmt: skip


@dataclass(slots=True)
class LogRecord:
    """One log record. `time_ns` since 1970; `severity_number` 0 = unknown; `service` as stated.

    `messages` is what an error record says: more than one text where only the content orders the
    versions of a record, since the contract leaves the canonical text open.
    """

    trace_id: str | None
    span_id: str | None
    service: str | None
    pod: str | None
    time_ns: int
    severity_number: int
    messages: frozenset[Message] = frozenset()
    environment: str = UNKNOWN_ENVIRONMENT

    @property
    def is_error(self) -> bool:
        """Whether the record is an error event (severity ERROR or worse)."""
        return self.severity_number >= ERROR_SEVERITY

    @property
    def rank(self) -> tuple[bool, int, int, str, str]:
        """R5's order of versions of one log record."""
        return (
            self.is_error, self.time_ns, self.severity_number,
            self.trace_id or "", self.span_id or "",
        )  # fmt: skip


@dataclass
class Events:
    """All events of a set, and the books of what was read."""

    span_records: int = 0
    log_records: int = 0
    tied_spans: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    read_files: int = 0
    unread_files: list[str] = field(default_factory=list)
    torn_files: list[str] = field(default_factory=list)
    _spans: dict[Hashable, Span] = field(default_factory=dict)
    _versions: dict[Hashable, set[bytes]] = field(default_factory=dict)
    _logs: dict[bytes, LogRecord] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Records read: spans, log records and rejected ones."""
        return self.span_records + self.log_records + self.rejected.total()

    def spans(self) -> list[Span]:
        """The deduplicated spans, in the order of their first arrival."""
        return list(self._spans.values())

    def logs(self) -> list[LogRecord]:
        """The deduplicated log records, in the order of their first arrival."""
        return list(self._logs.values())

    def forget_keys(self) -> None:
        """Free what only deduplication needs; the events themselves are dropped too."""
        self._spans, self._versions, self._logs = {}, {}, {}

    def reject(self, reason: str, count: int = 1) -> None:
        """Count rejected records."""
        self.rejected[reason] += count

    def add_span(self, span: Span) -> None:
        """Count a span record and keep the version that wins."""
        self.span_records += 1
        key = span.key
        held = self._spans.setdefault(key, span)
        if held is span or held.digest == span.digest:
            return
        versions = self._versions.setdefault(key, {held.digest})
        versions.add(span.digest)
        is_same_rank = held.rank == span.rank
        self.tied_spans += is_same_rank and held.content != span.content
        winner = max(held, span, key=lambda version: (version.rank, version.content))
        winner.is_tied |= is_same_rank and (
            (held.content, held.endpoint) != (span.content, span.endpoint)
        )
        winner.versions = len(versions)
        winner.failures = held.failures | span.failures
        self._spans[key] = winner

    def add_log(self, key: bytes, record: LogRecord) -> None:
        """Count a log record and keep the version that wins."""
        self.log_records += 1
        held = self._logs.setdefault(key, record)
        if record.rank > held.rank:
            self._logs[key] = record
        elif record.rank == held.rank and record.messages != held.messages:
            held.messages |= record.messages
