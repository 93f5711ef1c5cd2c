"""The modules that scripts for AWS's XGBoost image import from it: the parts that inference code uses.

Their functions read and write with this image's own readers and encoders. Nothing is put in place of a package that
is installed.
"""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import flask
import orjson
import xgboost

from container.errors import ContainerError
from container.serving.scripted import plain

_CONTENT_TYPES = {
    "JSON": "application/json",
    "CSV": "text/csv",
    "OCTET_STREAM": "application/octet-stream",
    "ANY": "*/*",
    "NPY": "application/x-npy",
    "UTF8_TYPES": ["application/json", "text/csv"],
}


def provide() -> None:
    """Make ``sagemaker_xgboost_container.encoder`` and ``sagemaker_containers.beta.framework`` importable."""
    if _is_absent("sagemaker_xgboost_container"):
        _module(
            "sagemaker_xgboost_container.encoder",
            csv_to_dmatrix=lambda input, dtype=None: decode(input, "text/csv"),
            libsvm_to_dmatrix=lambda string_like: decode(string_like, "text/libsvm"),
            recordio_protobuf_to_dmatrix=lambda string_like: decode(string_like, "application/x-recordio-protobuf"),
            json_to_jsonlines=json_to_jsonlines,
            decode=decode,
        )
    if _is_absent("sagemaker_containers"):
        beneath = "sagemaker_containers.beta.framework"
        _module(f"{beneath}.content_types", **_CONTENT_TYPES)
        _module(f"{beneath}.encoders", encode=encode)
        _module(f"{beneath}.errors", ClientError=ContainerError, UnsupportedFormatError=ContainerError)
        _module(f"{beneath}.worker", Response=_Response)


def _is_absent(name: str) -> bool:
    return name not in sys.modules and importlib.util.find_spec(name) is None


def decode(obj: str | bytes, content_type: str) -> xgboost.DMatrix:
    """A request's body as a matrix of its numbers, by position.

    Raises:
        DataError: it is not what the content type says, or holds text.
        UnsupportedMediaTypeError: it is of a type that is not read here.
    """
    return xgboost.DMatrix(plain.read(obj.encode() if isinstance(obj, str) else bytes(obj), content_type))


def encode(array_like: Any, content_type: str) -> str | bytes:
    """Predictions as text, or as bytes where the type is no text.

    Raises:
        NotAcceptableError: a content type that is not written here.
    """
    body = plain.write(array_like, content_type)
    return body.decode() if content_type in _CONTENT_TYPES["UTF8_TYPES"] else body


def json_to_jsonlines(json_data: Any) -> bytes:
    """The items of the only list in an object, a line each."""
    (items,) = (json_data if isinstance(json_data, dict) else orjson.loads(json_data)).values()
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


class _Response(flask.Response):
    default_mimetype = "application/json"

    def __init__(self, response: Any = None, accept: str | None = None, *arguments: Any, **named: Any) -> None:
        super().__init__(response, *arguments, **named)


def _module(name: str, **content: Any) -> None:
    """A module and the packages above it."""
    parent = None
    for end in (place for place, character in enumerate(f"{name}.") if character == "."):
        module = sys.modules.get(name[:end]) or ModuleType(name[:end])
        module.__path__ = []
        sys.modules[name[:end]] = module
        if parent is not None:
            setattr(parent, name[:end].rpartition(".")[2], module)
        parent = module
    vars(sys.modules[name]).update(content)
