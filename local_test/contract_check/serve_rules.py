"""Rules of `docker run IMAGE serve`: what holds while it serves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from contract_check.asking import Reply
from contract_check.context import Context
from contract_check.endpoint import Endpoint
from contract_check.rule import FAIL, GUIDE, NOT_APPLICABLE, NOTE, PASS, Attempt, Result, Rule, found, under_conditions
from contract_check.train_rules import TRACEBACK

_HOSTING = GUIDE + "your-algorithms-inference-code.html"
_SERVERLESS = GUIDE + "serverless-endpoints.html"
_BATCH = GUIDE + "your-algorithms-batch-code.html"

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
AFTER_LOAD = Rule(
    "serve-ping-after-load",
    "200 from /ping means that requests can come.",
    _HOSTING,
    "Load the model before the server listens, or answer 503 until it is there.",
)
UNDER_LOAD = Rule(
    "serve-ping-under-load",
    "/ping answers 200 within 2 seconds, always; else the container is replaced.",
    _HOSTING,
    "Give /ping a thread or worker of its own, that no request can hold up.",
)
INVOCATIONS = Rule(
    "serve-invocations",
    "POST /invocations answers a request with 200 and its predictions within 60 seconds.",
    _HOSTING,
    "Answer POST on /invocations; the log of the container says what went wrong.",
)
ROWS = Rule(
    "serve-rows",
    "Batch transform joins input and output by line: there are as many lines in a reply as in its request.",
    GUIDE + "batch-transform-data-processing.html",
    "Answer with one line for each row, in order, without a header.",
)
ACCEPT = Rule(
    "serve-accept",
    "The caller's Accept header reaches the container, which answers in that format or refuses it.",
    _HOSTING,
    "Write what Accept asks for and say so in Content-Type, or answer 406.",
)
UNKNOWN_TYPE = Rule(
    "serve-unknown-type",
    "An error reply reaches the caller as a ModelError, with the first 2048 characters of its body.",
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html",
    "Answer 415 and a short line that says what is taken; a traceback belongs into the log.",
)
PARAMETERS = Rule(
    "serve-execution-parameters",
    "GET /execution-parameters, where there is one, tells batch transform how to send.",
    _BATCH,
    'Answer {"MaxConcurrentTransforms": 8, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}; '
    "the first times the last is at most 100.",
)
QUIET = Rule(
    "serve-log-noise",
    "/ping is asked every few seconds, for as long as the endpoint lives.",
    _HOSTING,
    "Leave /ping out of the access log: CloudWatch is paid by volume.",
)
_CONDITIONS = [READ_ONLY_ROOT, NO_SHM, ONE_CPU, READ_ONLY_MODEL]
_WHILE_SERVING = [AFTER_LOAD, UNDER_LOAD, INVOCATIONS, ROWS, ACCEPT, UNKNOWN_TYPE, PARAMETERS, QUIET]
RULES = [STARTS, *_CONDITIONS, *_WHILE_SERVING]

_OPTIONS = {
    READ_ONLY_ROOT.name: ("--read-only", "--tmpfs", "/tmp"),
    NO_SHM.name: ("--ipc", "none"),
    ONE_CPU.name: ("--cpus", "1"),
    READ_ONLY_MODEL.name: (),
}


def check(context: Context) -> Iterator[Result]:
    """All results for an endpoint that is up."""
    kept: list[tuple[Endpoint, Reply]] = []

    def attempt(conditions: frozenset[str]) -> Attempt:
        context.tell("starting the server" + (f" under {len(conditions)} conditions" if conditions else ""))
        options = [option for name in sorted(conditions) for option in _OPTIONS[name]]
        mode = ":ro" if READ_ONLY_MODEL.name in conditions else ""
        endpoint = Endpoint(context, context.model, *options, mode=mode)
        trouble = endpoint.healthy(context.limits.start)
        first = endpoint.predict() if not trouble else Reply(0, b"", 0)
        if not trouble and conditions and first.status != 200 and _until_answered(endpoint).status != 200:
            trouble = f"/ping answers 200, but POST /invocations {first}"
        if trouble or kept:
            endpoint.remove()
        else:
            kept.append((endpoint, first))
        return Attempt(trouble, "" if trouble else f"/ping answered 200 after {endpoint.seconds_to_start:.1f} s")

    yield from under_conditions(STARTS, filter(context.wanted, _CONDITIONS), attempt)
    if not kept:
        for rule in _WHILE_SERVING:
            yield Result(rule, NOT_APPLICABLE, "the server did not start")
        return
    ((endpoint, first),) = kept
    context.tell("sending requests")
    yield from _first(context, endpoint, first)
    if context.wanted(UNDER_LOAD):
        yield _under_load(context, endpoint)
    yield _accept(endpoint)
    yield _unknown_type(endpoint)
    yield _parameters(endpoint.get("/execution-parameters"))
    for _ in range(5):
        endpoint.get("/ping")
    lines = [line for line in endpoint.container.logs().splitlines() if "/ping" in line]
    yield Result(QUIET, NOTE if len(lines) > 4 else PASS, f"{len(lines)} lines in the log name /ping")
    endpoint.remove()


def _until_answered(endpoint: Endpoint, seconds: float = 15) -> Reply:
    """The reply once it is 200, else the last one in so many seconds."""
    deadline = time.monotonic() + seconds
    while (reply := endpoint.predict()).status != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    return reply


def _first(context: Context, endpoint: Endpoint, first: Reply) -> Iterator[Result]:
    """What the very first request after 200 on /ping got, and a later one."""
    begun = time.monotonic()
    later = _until_answered(endpoint)
    waited = time.monotonic() - begun
    if later.status != 200:
        yield Result(AFTER_LOAD, NOT_APPLICABLE, f"{INVOCATIONS.name} fails")
        yield Result(INVOCATIONS, FAIL, f"the sample request was answered {later}")
        yield Result(ROWS, NOT_APPLICABLE, f"{INVOCATIONS.name} fails")
        return
    if first.status != 200:
        trouble = f"/ping answered 200, a request then {first}, and {waited:.1f} s later 200"
        yield Result(AFTER_LOAD, FAIL, trouble)
    elif first.seconds > 1 and first.seconds > 5 * later.seconds:
        slow = f"the first request took {first.seconds:.1f} s, the next {later.seconds:.2f} s"
        yield Result(AFTER_LOAD, NOTE, f"{slow}: is something loaded only then?")
    else:
        yield Result(AFTER_LOAD, PASS, f"the first request was answered in {first.seconds:.2f} s")
    yield found(
        INVOCATIONS, "" if later.body.strip() else "200, but an empty body", f"200 in {later.seconds * 1000:.0f} ms"
    )
    yield _rows(context, endpoint)


def _rows(context: Context, endpoint: Endpoint) -> Result:
    sent = context.samples.request.strip().count(b"\n") + 1
    reply = endpoint.predict(accept="text/csv")
    if (
        context.samples.content_type != "text/csv"
        or reply.status != 200
        or reply.media_type not in ("text/csv", "text/plain")
    ):
        return Result(ROWS, NOT_APPLICABLE, "request and reply are not both CSV")
    got = reply.body.strip().count(b"\n") + 1
    return found(ROWS, f"{sent} lines were sent, {got} came back" if sent != got else "", f"{sent} rows, {got} lines")


def _under_load(context: Context, endpoint: Endpoint) -> Result:
    """/ping while several large requests are worked on."""
    large = context.samples.large_request(context.large_megabytes)
    context.tell("pinging beside large requests")
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(endpoint.predict, large) for _ in range(4)]
        pings: list[Reply] = []
        while not all(post.done() for post in posts) or not pings:
            pings.append(endpoint.get("/ping", context.limits.ping))
            time.sleep(0.05)
    replies = ", ".join(sorted({str(post.result().status or "none") for post in posts}))
    beside = f"beside 4 requests of {len(large) / 1024 / 1024:.1f} MB, answered {replies}"
    late = [ping for ping in pings if ping.status != 200 or ping.seconds > context.limits.ping]
    slowest = max(ping.seconds for ping in pings)
    trouble = f"{len(late)} of {len(pings)} pings failed or were late {beside}: {late[0]}" if late else ""
    return found(UNDER_LOAD, trouble, f"{len(pings)} pings, the slowest {slowest:.2f} s, {beside}")


def _accept(endpoint: Endpoint) -> Result:
    said = []
    for asked in ("text/csv", "application/json"):
        reply = endpoint.predict(accept=asked)
        if reply.status == 200 and reply.media_type != asked:
            return Result(ACCEPT, FAIL, f"asked for {asked}, got {reply.media_type or 'no Content-Type'}")
        if reply.status == 200 and asked == "application/json" and not _is_json(reply.body):
            return Result(ACCEPT, FAIL, f"said to be {asked}, but it is none: {reply}")
        if reply.status != 200 and not 400 <= reply.status < 500:
            return Result(ACCEPT, FAIL, f"asked for {asked}: {reply}")
        said.append(f"{asked} {reply.status}")
    return Result(ACCEPT, PASS, ", ".join(said))


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _unknown_type(endpoint: Endpoint) -> Result:
    reply = endpoint.predict(content_type="application/x-contract-check")
    trouble = ""
    if not 400 <= reply.status < 500:
        trouble = f"an unknown Content-Type was answered {reply}"
    elif len(reply.text) > 2048:
        trouble = f"the body has {len(reply.text)} characters"
    elif not reply.text.strip():
        trouble = f"{reply.status} with an empty body, which tells the caller nothing"
    if TRACEBACK.search(reply.text):
        trouble = f"{reply.status} with a traceback in its body"
    return found(UNKNOWN_TYPE, trouble, str(reply))


def _parameters(reply: Reply) -> Result:
    if reply.status in (404, 405):
        return Result(PARAMETERS, NOT_APPLICABLE, f"{reply.status}: batch transform takes its defaults")
    try:
        told = json.loads(reply.body)
        transforms, strategy, payload = (
            told[key] for key in ("MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB")
        )
        right = strategy in ("MULTI_RECORD", "SINGLE_RECORD") and transforms >= 0 <= payload
        right = right and transforms * payload <= 100 and isinstance(transforms, int) and isinstance(payload, int)
    except (ValueError, TypeError, KeyError):
        right = False
    return found(PARAMETERS, "" if right and reply.status == 200 else f"answered {reply}", " ".join(reply.text.split()))
