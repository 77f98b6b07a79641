"""Which lines of a container's stream are one record: parts of a line, and stack traces.

A frame (Java, .NET, Node, Ruby, Python, Go) belongs to the line before it. A line that begins an
exception is a record of its own, and so is the log line before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

LEVEL_WORDS = (
    "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL|PANIC|ALERT|EMERGENCY"
)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_EXCEPTION_HEAD = (
    r"(?:[A-Za-z_$][\w$]*[.:]+)*[A-Z_a-z$][\w$]*(?:Exception|Error): "
    r"|Exception in thread |Unhandled exception|Traceback \(most recent call last\)"
    r"|panic: |fatal error: |goroutine \d+ \["
)
_OWN_RECORD = re.compile(
    r"[\[{]"
    r"|\d{4}[-/]\d\d[-/]\d\d|\d\d?[-/](?:\d\d|" + _MONTHS + r")[-/]\d{4}"
    r"|(?:" + _MONTHS + r") {1,2}\d"
    r"|\d\d:\d\d:\d\d"
    r"|[IWEF]\d{4} \d\d:\d\d"
    r"|(?:" + LEVEL_WORDS + r")(?![A-Za-z0-9_])"
    r"|" + _EXCEPTION_HEAD
)
_FRAME = re.compile(
    r"\s+at (?:.*\(.*\).*|\S+:\d+.*|<\S+>.*)$"  # Java, .NET, Node
    r"|at [\w.$/<>]+\([^)]*\)$"
    r"|\s*\.\.\. \d+ (?:more|common frames omitted)"
    r"|\s*(?:Caused by|Suppressed|Wrapped by): "
    r"|\s*---> |\s*--- End of "
    r"|\s+(?:\d+: )?from \S+:\d+(?::in .*)?$"  # Ruby
    r"|\s+File \"[^\"]*\", line \d+"  # Python
    r"|created by [\w./*()$-]+(?: in goroutine \d+)?$"
    r"|\t\S+\.(?:go|s):\d+"
)
_GOROUTINE = re.compile(r"goroutine \d+ ")
_GO_CALL = re.compile(
    r"goroutine \d+ .*\]:$|[\w./*()\[\]{}·,$%~-]+\(.*\)$|\t|exit status \d|\.\.\.additional frames"
)
_NODE_PROPERTIES = re.compile(r"\s+at .*[):\d] \{$")
_GO_HEAD = re.compile(r"(?:panic|fatal error): ")
_GO_SIGNAL = re.compile(r"\[signal |\t|panic: .*\[recovered\]|goroutine \d+ ")
_PYTHON_HEAD = re.compile(r"Traceback \(most recent call last\):\s*$")
_PYTHON_LAST = re.compile(
    r"(?!(?:" + LEVEL_WORDS + r")\b)[A-Za-z_][\w.]*(?::(?!\d).*|)$|\S+:\d+:in .*\(\S+\)$"
)
_PYTHON_CHAIN = re.compile(
    r"During handling of the above exception|The above exception was the direct cause"
)
# modes in which an empty line may lie inside a stack trace
_MODES_WITH_BLANKS = frozenset({"python", "python ended", "python chain", "go", "go frames"})


def begins_record(text: str) -> bool:
    """Whether a text cannot be the rest of a cut line: a date, time, level, bracket, exception."""
    return _OWN_RECORD.match(text) is not None


@dataclass
class TraceJoiner:
    """Joins the stack traces of one stream; `feed` and `close` give the records that are whole."""

    _time: object = None
    _texts: list[str] = field(default_factory=list)
    _blanks: list[tuple[object, str]] = field(default_factory=list)
    _mode: str = ""

    def feed(self, time: object, text: str) -> Iterator[tuple[object, str]]:
        """Take the stream's next line."""
        if self._texts and self._mode in _MODES_WITH_BLANKS and not text.strip():
            self._blanks.append((time, text))
            return
        if self._texts and self._takes(text):
            self._texts += [blank for _, blank in self._blanks]
            self._texts.append(text)
            self._blanks.clear()
            return
        yield from self.close()
        self._time, self._texts = time, [text]
        self._mode = _mode_after(text)

    def close(self) -> Iterator[tuple[object, str]]:
        """End the stream."""
        if self._texts:
            yield self._time, "\n".join(self._texts)
        yield from self._blanks
        self._texts, self._blanks, self._mode = [], [], ""

    def _takes(self, text: str) -> bool:
        if self._mode == "python" and text[:1].isspace():
            return True
        if self._mode == "node properties":
            if text.startswith("}"):
                self._mode = ""
                return True
            return text[:1].isspace()
        if _FRAME.match(text):
            if _NODE_PROPERTIES.match(text):
                self._mode = "node properties"
            return True
        if self._mode == "python":
            if _PYTHON_LAST.match(text):
                self._mode = "python ended"
                return True
            return False
        if self._mode == "python ended" and _PYTHON_CHAIN.match(text):
            self._mode = "python chain"
            return True
        if self._mode == "python chain" and _PYTHON_HEAD.search(text):
            self._mode = "python"
            return True
        if self._mode == "go":
            if _GOROUTINE.match(text):
                self._mode = "go frames"
            return _GO_SIGNAL.match(text) is not None
        return self._mode == "go frames" and _GO_CALL.match(text) is not None


def _mode_after(text: str) -> str:
    if "\n" in text:
        return ""
    if _PYTHON_HEAD.search(text):
        return "python"
    if _GOROUTINE.match(text):
        return "go frames"
    return "go" if _GO_HEAD.match(text) else ""
