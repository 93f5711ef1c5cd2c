"""What a rule of the contract is, and what a check found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

PASS, FAIL, NOTE, NOT_APPLICABLE = "pass", "FAIL", "note", "n/a"

GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/"


@dataclass(frozen=True)
class Rule:
    """One rule: what the platform says, where it says so, and how to mend an image that breaks it."""

    name: str
    says: str
    source: str
    remedy: str


@dataclass(frozen=True)
class Result:
    """What was found for a rule: `PASS`, `FAIL`, `NOTE` or `NOT_APPLICABLE`, and what shows it."""

    rule: Rule
    outcome: str
    evidence: str


def found(rule: Rule, trouble: str, otherwise: str) -> Result:
    """A failure with this trouble; without trouble, a pass."""
    return Result(rule, FAIL if trouble else PASS, trouble or otherwise)


@dataclass(frozen=True)
class Attempt:
    """How one run went: what went wrong, if anything, and else what shows that nothing did."""

    trouble: str
    evidence: str = ""


def under_conditions(
    plain: Rule, conditions: Iterable[Rule], attempt: Callable[[frozenset[str]], Attempt]
) -> Iterator[Result]:
    """Try all conditions at once, by their names; where that fails, without any, and then each by itself."""
    conditions = list(conditions)
    together = attempt(frozenset(rule.name for rule in conditions))
    if not together.trouble:
        yield Result(plain, PASS, together.evidence)
        for rule in conditions:
            yield Result(rule, PASS, "tried together with the others of its kind")
        return
    alone = attempt(frozenset()) if conditions else together
    if alone.trouble:
        yield Result(plain, FAIL, alone.trouble)
        for rule in conditions:
            yield Result(rule, NOT_APPLICABLE, f"{plain.name} fails without it")
        return
    results = [found(rule, attempt(frozenset([rule.name])).trouble, "tried by itself") for rule in conditions]
    if all(result.outcome == PASS for result in results):
        yield Result(plain, NOTE, f"each condition holds by itself, but not all at once: {together.trouble}")
    else:
        yield Result(plain, PASS, alone.evidence)
    yield from results
