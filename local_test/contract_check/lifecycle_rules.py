"""Rules of `docker run IMAGE serve`: how it begins, where it listens, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator

from contract_check.context import Context, last_line, shell_hint
from contract_check.endpoint import Endpoint
from contract_check.job import damage
from contract_check.rule import FAIL, GUIDE, NOT_APPLICABLE, PASS, Result, Rule, found

BROKEN_MODEL = Rule(
    "serve-broken-model",
    "A container that cannot serve ends with another code than 0 and says why; one that hangs is waited for in vain.",
    GUIDE + "your-algorithms-inference-code.html",
    "Load the model at the start, let the error end the program, and print it; gunicorn: --preload.",
)
STOP = Rule(
    "serve-stop",
    "The end of an endpoint is SIGTERM to process 1, and SIGKILL 30 seconds later.",
    GUIDE + "your-algorithms-inference-code.html",
    "Handle SIGTERM: take no new requests, finish those there are, exit 0. A shell script starts the server with exec.",
)
BIND_TO_PORT = Rule(
    "serve-port",
    "With the label accept-bind-to-port, pipelines and multi-container endpoints say where in SAGEMAKER_BIND_TO_PORT.",
    GUIDE + "multi-container-endpoints.html",
    "Read the port from that variable, or take the label out of the Dockerfile.",
)
RULES = [BROKEN_MODEL, STOP, BIND_TO_PORT]

_OTHER_PORT = 8123


def check(context: Context) -> Iterator[Result]:
    """All results, each from a container of its own."""
    for rule, result in ((BROKEN_MODEL, _broken_model), (STOP, _stop), (BIND_TO_PORT, _bind_to_port)):
        if context.wanted(rule):
            yield result(context)


def _broken_model(context: Context) -> Result:
    context.tell("serving a damaged model")
    limit = context.limits.broken_model
    endpoint = Endpoint(context, damage(context.model))
    deadline = time.monotonic() + limit
    while endpoint.container.running() and time.monotonic() < deadline:
        if endpoint.get("/ping", context.limits.ping).status == 200:
            endpoint.remove()
            return Result(BROKEN_MODEL, FAIL, "/ping answers 200 although every file of the model is damaged")
        time.sleep(0.1)
    if endpoint.container.running():
        trouble = f"it neither ends nor answers 200 in {limit:g} s; its log: {last_line(endpoint.container.logs())}"
        code, log = None, ""
    else:
        code, log = endpoint.container.wait(10), endpoint.container.logs()
        trouble = "exit code 0" if code == 0 else "" if log.strip() else f"exit code {code}, but not a word in the log"
    endpoint.remove()
    return found(BROKEN_MODEL, trouble, f"exit code {code}: {last_line(log)}")


def _stop(context: Context) -> Result:
    """A request is half-way when SIGTERM comes."""
    context.tell("stopping the server in the middle of a request")
    endpoint = Endpoint(context, context.model)
    if trouble := endpoint.healthy(context.limits.start):
        endpoint.remove()
        return Result(STOP, NOT_APPLICABLE, f"the server did not start: {trouble}")
    body, limit = context.samples.request, context.limits.serve_stop
    usual, hint = endpoint.predict(), shell_hint(endpoint.container)
    with endpoint.begin(body) as request:
        request.send(body[: len(body) // 2])
        time.sleep(0.3)
        begun = time.monotonic()
        endpoint.container.terminate()
        time.sleep(0.5)
        reply = request.finish(body[len(body) // 2 :])
    code = endpoint.container.wait(max(1, limit - (time.monotonic() - begun)))
    seconds = time.monotonic() - begun
    endpoint.remove()
    troubles = []
    if code is None:
        troubles.append(f"still running {limit:g} s after SIGTERM{hint}")
    elif code:
        troubles.append(f"exit code {code}")
    if reply.status != usual.status:
        troubles.append(f"the request in flight got {reply}")
    return found(
        STOP, "; ".join(troubles), f"exit code 0 after {seconds:.1f} s, the request in flight got {reply.status}"
    )


def _bind_to_port(context: Context) -> Result:
    if not context.label("accept-bind-to-port"):
        return Result(BIND_TO_PORT, NOT_APPLICABLE, "the image does not have the label")
    context.tell("serving on another port")
    variables = (f"SAGEMAKER_BIND_TO_PORT={_OTHER_PORT}", f"SAGEMAKER_SAFE_PORT_RANGE={_OTHER_PORT}-{_OTHER_PORT + 76}")
    options = [word for variable in variables for word in ("--env", variable)]
    endpoint = Endpoint(context, context.model, *options, port=_OTHER_PORT)
    trouble = endpoint.healthy(context.limits.start)
    endpoint.remove()
    return Result(BIND_TO_PORT, FAIL if trouble else PASS, trouble or f"/ping answered 200 on port {_OTHER_PORT}")
