"""How an environment variable is declared: what it is called, how its text is read, and what a page says of it."""

import logging
from collections.abc import Callable
from dataclasses import field
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """The declaration of one environment variable."""

    variable: str
    parse: Callable[[str], Any]  # raises ValueError
    accepts: str
    default: str
    doc: str


Kind = tuple[Callable[[str], Any], str]
"""How to parse, and what is accepted in words."""


def setting(variable: str, kind: Kind, doc: str, default: Any, in_words: str = "") -> Any:
    """A field read from a variable; a callable default is called where the variable is not set."""
    about = {"setting": Setting(variable, *kind, in_words or str(default), doc)}
    return (
        field(default_factory=default, metadata=about) if callable(default) else field(default=default, metadata=about)
    )


def whole_number(low: int, high: int | None = None) -> Kind:
    """One of at least ``low`` and at most ``high``."""

    def parse(text: str) -> int:
        number = int(text)
        if number < low or (high is not None and number > high):
            raise ValueError
        return number

    return parse, f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"


def one_of(**values: Any) -> Kind:
    """One of these words, in any case; the value is the word's."""

    def parse(text: str) -> Any:
        if text.lower() not in values:
            raise ValueError
        return values[text.lower()]

    return parse, " or ".join(values)


def _parse_switch(text: str) -> bool:
    switch = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    if switch is None:
        raise ValueError
    return switch


def _parse_level(text: str) -> str:
    name = str(logging.getLevelName(int(text))) if text.isdigit() else text.upper()
    if name not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError
    return name


SWITCH: Kind = (_parse_switch, "true or false")
LEVEL: Kind = (_parse_level, "debug, info, warning, error or critical, or their numbers 10 to 50")
TEXT: Kind = (str, "text")
