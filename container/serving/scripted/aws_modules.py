"""The modules that scripts for AWS's XGBoost image import from it: the parts that inference code uses.

Their functions read and write with this image's own readers and encoders. Nothing is put in place of a package that
is installed.
"""

import importlib.util
import io
import sys
from http import HTTPStatus
from types import ModuleType
from typing import Any

import flask
import numpy as np
import orjson
import xgboost
from numpy.typing import NDArray
from scipy.sparse import issparse

from container.data import structured
from container.errors import ContainerError, UnsupportedMediaTypeError
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
    """Make importable what is here of sagemaker_xgboost_container, sagemaker_containers and sagemaker_inference."""
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
        _module(f"{beneath}.errors", ClientError=ContainerError, UnsupportedFormatError=UnsupportedFormatError)
        _module(f"{beneath}.worker", Response=_Response)
    if _is_absent("sagemaker_inference"):
        _module("sagemaker_inference.content_types", **_CONTENT_TYPES)
        _module("sagemaker_inference.encoder", encode=encode)
        _module("sagemaker_inference.decoder", decode=to_array)
        kinds = (BaseInferenceToolkitError, GenericInferenceToolkitError, UnsupportedFormatError)
        _module("sagemaker_inference.errors", **{kind.__name__: kind for kind in kinds})


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


def to_array(obj: str | bytes, content_type: str) -> NDArray[Any]:
    """A body as an array: JSON of whatever shape, .npy, or rows of numbers.

    Raises:
        DataError: it is not what the content type says.
        UnsupportedMediaTypeError: it is of a type that is not read here.
    """
    data = obj.encode() if isinstance(obj, str) else bytes(obj)
    if content_type == _CONTENT_TYPES["JSON"]:
        return np.array(structured.loads(data))
    if content_type == plain.NPY:
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    matrix = plain.read(data, content_type)
    return matrix.toarray() if issparse(matrix) else np.asarray(matrix)


def json_to_jsonlines(json_data: Any) -> bytes:
    """The items of the only list in an object, a line each."""
    (items,) = (json_data if isinstance(json_data, dict) else orjson.loads(json_data)).values()
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


class BaseInferenceToolkitError(ContainerError):
    """An error with the status that a script gives it."""

    def __init__(self, status_code: int, message: str = "Invalid Request", phrase: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.phrase = HTTPStatus(status_code), message, phrase or message

    @property
    def status_code(self) -> int:
        return self.status


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """The same."""


class UnsupportedFormatError(UnsupportedMediaTypeError):
    """A content type that a script does not take."""

    def __init__(self, content_type: str) -> None:
        super().__init__(f"the content type {content_type!r} is not taken here; send or accept another")


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
