"""Rules of `docker run IMAGE serve`: where it starts."""

from __future__ import annotations

from collections.abc import Iterator

from contract_check import request_rules
from contract_check.asking import Reply
from contract_check.context import Context
from contract_check.endpoint import Endpoint
from contract_check.rule import GUIDE, NOT_APPLICABLE, Attempt, Result, Rule, under_conditions

_HOSTING = GUIDE + "your-algorithms-inference-code.html"
_SERVERLESS = GUIDE + "serverless-endpoints.html"

STARTS = Rule(
    "serve-starts",
    "`docker run IMAGE serve` answers GET /ping on port 8080 with 200 within 8 minutes (serverless: 3).",
    _HOSTING,
    "Listen on 0.0.0.0:8080, and load the model before, not after, the first request.",
)
READ_ONLY_ROOT = Rule(
    "serve-read-only-root",
    "On serverless endpoints only /tmp can be written to.",
    _SERVERLESS,
    "Keep logs, sockets, pid files and caches below /tmp; compile Python files when the image is built.",
)
NO_SHM = Rule(
    "serve-no-shm",
    "On serverless endpoints there may be no /dev/shm.",
    _SERVERLESS,
    "Let gunicorn's --worker-tmp-dir be /tmp; use threads or pipes rather than shared memory.",
)
ONE_CPU = Rule(
    "serve-one-cpu",
    "A container may have one CPU, whatever the machine has: serverless endpoints of 1 GB do.",
    _SERVERLESS,
    "Count the CPUs of the cgroup's quota (/sys/fs/cgroup/cpu.max), not of the machine.",
)
READ_ONLY_MODEL = Rule(
    "serve-read-only-model",
    "/opt/ml/model is there to be read.",
    GUIDE + "your-algorithms-inference-code.html#your-algorithms-inference-code-load-artifacts",
    "Unpack or convert the model in training, or below /tmp.",
)
_CONDITIONS = [READ_ONLY_ROOT, NO_SHM, ONE_CPU, READ_ONLY_MODEL]
RULES = [STARTS, *_CONDITIONS, *request_rules.RULES]

_OPTIONS = {
    READ_ONLY_ROOT.name: ("--read-only", "--tmpfs", "/tmp"),
    NO_SHM.name: ("--ipc", "none"),
    ONE_CPU.name: ("--cpus", "1"),
    READ_ONLY_MODEL.name: (),
}


def check(context: Context) -> Iterator[Result]:
    """All results for a server that starts, and for requests to it."""
    kept: list[tuple[Endpoint, Reply]] = []
    answers = True  # until it is known that it answers no request, whatever the conditions

    def attempt(conditions: frozenset[str]) -> Attempt:
        nonlocal answers
        context.tell("starting the server" + (f" under {len(conditions)} conditions" if conditions else ""))
        options = [option for name in sorted(conditions) for option in _OPTIONS[name]]
        mode = ":ro" if READ_ONLY_MODEL.name in conditions else ""
        endpoint = Endpoint(context, context.model, *options, mode=mode)
        trouble = endpoint.healthy(context.limits.start)
        first = endpoint.predict() if not trouble else Reply(0, b"", 0)
        answered = first.status == 200 or (not trouble and endpoint.answered().status == 200)
        if not conditions:
            answers = answered
        elif answers and not answered and not trouble:
            trouble = f"/ping answers 200, but POST /invocations {first}"
        if trouble or kept:
            endpoint.remove()
        else:
            kept.append((endpoint, first))
        return Attempt(trouble, "" if trouble else f"/ping answered 200 after {endpoint.seconds_to_start:.1f} s")

    yield from under_conditions(STARTS, filter(context.wanted, _CONDITIONS), attempt)
    if not kept:
        for rule in request_rules.RULES:
            yield Result(rule, NOT_APPLICABLE, "the server did not start")
        return
    ((endpoint, first),) = kept
    yield from request_rules.check(context, endpoint, first)
    endpoint.remove()
