"""Results as a table for people, as JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable

from contract_check.rule import FAIL, NOT_APPLICABLE, NOTE, PASS, Result, Rule

_COLOURS = {PASS: "32", FAIL: "1;31", NOTE: "33", NOT_APPLICABLE: "2"}
_NAME = 29


class Table:
    """A line for each result, as it comes; what is being tried, in place where the output is a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._width = max(80, shutil.get_terminal_size((120, 24)).columns)

    def tell(self, text: str) -> None:
        """Say what is being tried."""
        if self._terminal:
            print(f"\r\033[K… {text}", end="", flush=True)

    def show(self, result: Result) -> None:
        """The result, and for a failure what the platform says and how to mend it."""
        lines = textwrap.wrap(result.evidence, self._width - _NAME - 7) or [""]
        print(f"{self._clear()}{self._colour(result.outcome)} {result.rule.name:{_NAME}} {lines[0]}")
        for line in lines[1:]:
            print(" " * (_NAME + 6) + line)
        if result.outcome == FAIL:
            for head, text in (
                ("AWS says", result.rule.says),
                ("source", result.rule.source),
                ("mend", result.rule.remedy),
            ):
                wrapped = textwrap.wrap(text, self._width - 16, break_long_words=False, break_on_hyphens=False)
                print(f"     {head + ':':10}" + ("\n" + " " * 15).join(wrapped))
        sys.stdout.flush()

    def sum_up(self, results: Iterable[Result], seconds: float) -> None:
        """How many of each."""
        counts = Counter(result.outcome for result in results)
        told = ", ".join(f"{counts[kind]} {kind}" for kind in _COLOURS if counts[kind])
        print(f"{self._clear()}{told} in {seconds:.0f} s")

    def _colour(self, outcome: str) -> str:
        return f"\033[{_COLOURS[outcome]}m{outcome:4}\033[0m" if self._terminal else f"{outcome:4}"

    def _clear(self) -> str:
        return "\r\033[K" if self._terminal else ""


def as_json(image: str, results: Iterable[Result]) -> str:
    """All results with their rules."""
    rows = [{"rule": r.rule.name, "result": r.outcome, "evidence": r.evidence, **_texts(r.rule)} for r in results]
    return json.dumps({"image": image, "results": rows}, indent=2, ensure_ascii=False)


def catalogue(rules: Iterable[Rule]) -> str:
    """All rules there are: name, what the platform says, where, and the remedy."""
    return "\n".join(
        f"{rule.name}\n" + "".join(f"    {name + ':':9}{text}\n" for name, text in _texts(rule).items())
        for rule in rules
    )


def _texts(rule: Rule) -> dict[str, str]:
    return {"says": rule.says, "source": rule.source, "remedy": rule.remedy}
