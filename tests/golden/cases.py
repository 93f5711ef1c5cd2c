r"""Golden cases: readable files of requests and the replies they must get, byte for byte.

A file in cases/ holds cases separated by ``----`` lines::

    What the case shows, in a sentence.
    >>> houses SAGEMAKER_BATCH=true        the model in models/, an ensemble as a+b, or several (`many`); then settings
    POST /invocations
    Content-Type: text/csv

    1,2,3
    <<<
    200
    Content-Type: text/csv

    0.5

In bodies a line break is a line feed, the last one left out, and a backslash starts an escape: ``\r``, ``\t``,
``\n``, ``\\``, ``\x00``; at a line's end it joins the line with the next; ``\{ab}*3`` is ``ababab``. A request
body ``!parquet {"name:type": [values]}`` is a Parquet file of these columns, the types as pyarrow names them,
or ``dictionary`` or ``utc``. A reply that is Parquet is shown as its columns, other bytes that are no text by escapes.
With FEATURE_GROUP_NAME among the settings, lookups find the records of `HOUSES`, whatever the group.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from flask import Flask

from container.contract.serving_env import ServingSettings
from container.model import ensemble
from container.model.predictor import Predictor
from container.serving.app import create_app
from container.serving.online import LookupService
from container.serving.service import ModelService, Service
from tests.golden import many
from tests.support.feature_store import HOUSES, Kept

FOLDER = Path(__file__).parent
_ESCAPE = re.compile(r"\\(?:(?P<char>[rtn\\])|x(?P<hex>[0-9a-f]{2})|(?P<join>\n)|\{(?P<text>[^}]*)\}\*(?P<times>\d+))")
_CHARACTERS = {"r": b"\r", "t": b"\t", "n": b"\n", "\\": b"\\"}


@dataclass(frozen=True)
class Case:
    """One request, as text with its escapes, and the reply to it."""

    file: str
    number: int
    intent: str
    setup: str
    request: str
    reply: str

    def __str__(self) -> str:
        return f"{self.file}-{self.number}"

    @classmethod
    def parse(cls, file: str, number: int, text: str) -> "Case":
        intent, _, exchange = text.partition("\n>>> ")
        setup, _, messages = exchange.partition("\n")
        request, _, reply = messages.partition("\n<<<\n")
        return cls(file, number, intent.strip(), setup, request, reply.rstrip("\n"))

    def render(self) -> str:
        return f"{self.intent}\n>>> {self.setup}\n{self.request}\n<<<\n{self.reply}\n"

    def body(self) -> bytes:
        """The request's body, without its escapes."""
        return _bytes(self.request.partition("\n\n")[2])

    def answered(self, *, native: bool = True) -> "Case":
        """The same request with the reply it gets now: all headers but Content-Length, sorted.

        ``native``: with the compiled core, where it is installed.
        """
        head = self.request.partition("\n\n")[0]
        line, *headers = head.split("\n")
        method, path = line.split(" ")
        model, *settings = self.setup.split()
        switch = [] if native else ["SAGEMAKER_XGBOOST_NATIVE=false"]
        chosen = ServingSettings.from_env(dict(s.split("=", 1) for s in (*settings, *switch)))
        with serving(model, chosen, native) as app:
            reply = app.test_client().open(
                path, method=method, headers=[tuple(h.split(": ", 1)) for h in headers], data=self.body()
            )
        shown = sorted(f"{name}: {value}" for name, value in reply.headers if name != "Content-Length")
        lines = [str(reply.status_code), *shown, "", _shown(reply.get_data())]
        return replace(self, reply="\n".join(lines).rstrip("\n"))


@contextmanager
def serving(model: str, settings: ServingSettings, native: bool = True) -> Iterator[Flask]:
    """The application for what a setup names first."""
    if model.startswith(many.PREFIX):
        with many.loaded(model, settings) as found:
            yield found.app
    else:
        predictor = _predictor(model, native)
        service: Service = ModelService(predictor, settings)
        if settings.feature_group:
            service = LookupService(service, Kept(HOUSES), predictor.schema, settings)
        yield create_app(service, settings)


def files() -> list[Path]:
    """Every file of cases, sorted."""
    return sorted((FOLDER / "cases").glob("*.txt"))


def read(path: Path) -> list[Case]:
    """The cases of one file."""
    return [Case.parse(path.stem, n, text) for n, text in enumerate(path.read_text().split("\n----\n"), start=1)]


@cache
def _predictor(model: str, native: bool = True) -> Predictor:
    files = [FOLDER / "models" / f"{name}.ubj" for name in model.split("+")]
    return Predictor(*ensemble.load_together(files), native=native)


def _bytes(body: str) -> bytes:
    if body.startswith("!parquet "):
        return _parquet(json.loads(body.removeprefix("!parquet ")))
    data, end = b"", 0
    for escape in _ESCAPE.finditer(body):
        data += body[end : escape.start()].encode()
        end = escape.end()
        if escape["char"]:
            data += _CHARACTERS[escape["char"]]
        elif escape["hex"]:
            data += bytes.fromhex(escape["hex"])
        elif escape["times"]:
            data += escape["text"].encode() * int(escape["times"])
    return data + body[end:].encode()


def _parquet(columns: dict[str, list[object]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    more = {"dictionary": pa.dictionary(pa.int32(), pa.string()), "utc": pa.timestamp("ms", "UTC")}
    arrays = {}
    for heading, values in columns.items():
        name, _, kind = heading.partition(":")
        arrays[name] = pa.array(values).cast(more.get(kind, kind)) if kind else pa.array(values)
    file = io.BytesIO()
    parquet.write_table(pa.table(arrays), file)
    return file.getvalue()


def _shown(data: bytes) -> str:
    """A reply's body as it stands in a file: what is no plain text, and a line feed at the end, as escapes."""
    if data.startswith(b"PAR1"):
        return _parquet_shown(data)
    try:
        text = data.decode().replace("\r", "\\r")
    except UnicodeDecodeError:
        return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in data)
    return text[:-1] + "\\n" if text.endswith("\n") else text


def _parquet_shown(data: bytes) -> str:
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(data))
    columns = {f"{field.name}:{field.type}": table[field.name].to_pylist() for field in table.schema}
    return f"!parquet {json.dumps(columns)}"
