"""What README and docs name is there: commands, options, make targets, variables, pages."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracekeep.__main__ import COMMANDS
from tracekeep.lake import PROJECT

PAGES = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (PROJECT / "docs").glob("*.md")
)
COMMAND = re.compile(r"(?:python -m )?\btracekeep ((?:[a-z]+-)*[a-z]+)([^`\n|;&>#]*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
TARGET = re.compile(r"(?:[A-Z]+=\S+ )*\bmake ([a-z][a-z0-9-]*)")


def code_of(page: Path) -> str:
    """What a page writes as code, blocks and words, a line each."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    words = re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)
    return "\n".join([*blocks, *(word.replace("\n", " ") for word in words)])


def commands_of(page: Path) -> Iterator[tuple[str, set[str]]]:
    """Each command of Tracekeep that a page names, with the options that it gives it."""
    for name, rest in COMMAND.findall(code_of(page)):
        if name in COMMANDS:
            yield name, set(OPTION.findall(rest))


def options_of(command: str) -> set[str]:
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[command][0]).add_arguments(parser)
    return set(parser._option_string_actions)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_the_options_that_a_page_gives_them(page: Path) -> None:
    wrong = [
        f"{name} {option}"
        for name, options in commands_of(page)
        for option in sorted(options - options_of(name))
    ]
    assert wrong == []


def test_each_command_stands_in_a_page() -> None:
    named = {name for page in PAGES for name, _ in commands_of(page)}
    assert set(COMMANDS) - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_of_make_are_there(page: Path) -> None:
    rules = re.findall(r"^([\w-]+):", PROJECT.joinpath("Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(TARGET.findall(code_of(page))) - set(rules) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_are_read_by_something(page: Path) -> None:
    places = ("tracekeep", "scripts", "macros", "tests", "Makefile", "profiles.yml")
    files = [path for place in places for path in [PROJECT / place, *(PROJECT / place).rglob("*")]]
    code = "\n".join(
        path.read_text("utf-8")
        for path in files
        if path.is_file() and path.suffix in ("", ".py", ".sh", ".sql", ".yml")
    )
    named = set(re.findall(r"\bTRACEKEEP_[A-Z_]+\b", page.read_text("utf-8")))
    assert {name for name in named if name not in code} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
