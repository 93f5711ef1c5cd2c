"""The compiled core and the worker, switched off by their settings, change no byte of any golden case's reply."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.golden import cases
from tests.golden.cases import Case
from tests.support.serving import Served, serving

_SWITCHES = ("SAGEMAKER_XGBOOST_NATIVE", "SAGEMAKER_XGBOOST_FAST_WORKER")
_PLAIN = [case for path in cases.files() for case in cases.read(path)]
_MODELS = ("approval", "houses", "sizes")
"""Those with most of the cases: numbers alone, categories, classes."""


@pytest.fixture(scope="module", params=_MODELS)
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[Served]]]:
    """One model, served with both switched on, with either of them off, and with both."""
    with ExitStack() as stack:
        yield (
            request.param,
            [
                stack.enter_context(
                    serving(
                        tmp_path_factory.mktemp("switches") / "ml",
                        request.param,
                        SAGEMAKER_MODEL_SERVER_WORKERS="1",
                        **dict(zip(_SWITCHES, (native, worker), strict=True)),
                    )
                )
                for native in ("true", "false")
                for worker in ("true", "false")
            ],
        )


def raw(case: Case) -> bytes:
    """The request as bytes of HTTP; the connection is closed after it."""
    line, *headers = case.request.partition("\n\n")[0].split("\n")
    length = f"Content-Length: {len(case.body())}"
    head = "\r\n".join([f"{line} HTTP/1.1", "Host: 127.0.0.1:8080", *headers, length, "", ""])
    return head.encode() + case.body() + b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n"


def test_golden_cases(servers: tuple[str, list[Served]]) -> None:
    model, (on, *off) = servers
    chosen = [case for case in _PLAIN if case.setup == model]
    assert len(chosen) > 10
    for case in chosen:
        first, *others = (re.sub(rb"Date: [^\r]*", b"Date: -", server.exchange(raw(case))) for server in (on, *off))
        assert first.startswith(b"HTTP/1.1 "), case
        assert others == [first] * 3, case
