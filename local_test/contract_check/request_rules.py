"""Rules of `docker run IMAGE serve`: how it answers requests."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

from contract_check.asking import Reply
from contract_check.context import Context
from contract_check.endpoint import Endpoint
from contract_check.rule import FAIL, GUIDE, NOT_APPLICABLE, NOTE, PASS, Result, Rule, found
from contract_check.train_rules import TRACEBACK

_HOSTING = GUIDE + "your-algorithms-inference-code.html"
_BATCH = GUIDE + "your-algorithms-batch-code.html"

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

RULES = [AFTER_LOAD, INVOCATIONS, ROWS, ACCEPT, UNDER_LOAD, UNKNOWN_TYPE, PARAMETERS, QUIET]


def check(context: Context, endpoint: Endpoint, first: Reply) -> Iterator[Result]:
    """All results for a server that is up; ``first`` is its reply to the first request after 200 on /ping."""
    context.tell("sending requests")
    later = yield from _first(endpoint, first)
    if later.status == 200:
        yield _rows(context, endpoint)
        yield _accept(endpoint)
        if context.wanted(UNDER_LOAD):
            yield _under_load(context, endpoint)
    else:
        for rule in (ROWS, ACCEPT, UNDER_LOAD):
            yield Result(rule, NOT_APPLICABLE, f"{INVOCATIONS.name} fails")
    yield _unknown_type(endpoint)
    yield _parameters(endpoint.get("/execution-parameters"))
    for _ in range(5):
        endpoint.get("/ping")
    lines = [line for line in endpoint.container.logs().splitlines() if "/ping" in line]
    yield Result(QUIET, NOTE if len(lines) > 4 else PASS, f"{len(lines)} lines in the log name /ping")


def _first(endpoint: Endpoint, first: Reply) -> Generator[Result, None, Reply]:
    """What the very first request after 200 on /ping got, and a later one, which is returned."""
    later = endpoint.answered()
    if later.status != 200:
        yield Result(AFTER_LOAD, NOT_APPLICABLE, f"{INVOCATIONS.name} fails")
        yield Result(INVOCATIONS, FAIL, f"the sample request was answered {later}")
        return later
    if first.status != 200:
        trouble = f"/ping answered 200, a request after it {first}, and only a later one 200"
        yield Result(AFTER_LOAD, FAIL, trouble)
    elif first.seconds > 1 and first.seconds > 5 * later.seconds:
        slow = f"the first request took {first.seconds:.1f} s, the next {later.seconds:.2f} s"
        yield Result(AFTER_LOAD, NOTE, f"{slow}: is something loaded only then?")
    else:
        yield Result(AFTER_LOAD, PASS, f"the first request was answered in {first.seconds:.2f} s")
    yield found(
        INVOCATIONS, "" if later.body.strip() else "200, but an empty body", f"200 in {later.seconds * 1000:.0f} ms"
    )
    return later


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
    pool = ThreadPoolExecutor(4)
    try:
        posts = [pool.submit(endpoint.predict, large) for _ in range(4)]
        pings: list[Reply] = []
        while not all(post.done() for post in posts) or not pings:
            pings.append(endpoint.get("/ping", context.limits.ping))
            time.sleep(0.05)
    finally:
        pool.shutdown(wait=False)  # an interruption does not wait for the replies
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
