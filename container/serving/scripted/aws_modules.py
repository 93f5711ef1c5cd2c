"""The modules that scripts for AWS's XGBoost image import from it: the parts that inference code uses.

Their functions give what those of AWS's packages give; bodies that become a DMatrix are read by this image's own
readers. Nothing is put in place of a package that is installed.
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

from container.data import delimited, structured
from container.data.formats import ContentType
from container.errors import ContainerError, DataError, NotAcceptableError, UnsupportedMediaTypeError
from container.serving.scripted import encoders, plain

_CONTENT_TYPES = {
    "JSON": "application/json",
    "CSV": "text/csv",
    "OCTET_STREAM": "application/octet-stream",
    "ANY": "*/*",
    "NPY": encoders.NPY,
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
        _module("sagemaker_inference.encoder", encode=encode_array)
        _module("sagemaker_inference.decoder", decode=decode_array)
        kinds = (BaseInferenceToolkitError, GenericInferenceToolkitError, UnsupportedFormatError)
        _module("sagemaker_inference.errors", **{kind.__name__: kind for kind in kinds})


def _is_absent(name: str) -> bool:
    return name not in sys.modules and importlib.util.find_spec(name) is None


def decode(obj: str | bytes, content_type: str) -> xgboost.DMatrix:
    """A request's body as a matrix of its numbers, by position.

    Raises:
        DataError: it is not what the content type says, or holds text.
        UnsupportedFormatError: it is of a type that is not read here.
    """
    return xgboost.DMatrix(_read(obj, content_type))


def encode(array_like: Any, content_type: str) -> str | bytes:
    """Predictions as text, or as bytes where the type is no text. Source: ``_encoders.py`` of sagemaker-containers.

    Raises:
        UnsupportedFormatError: a content type that is not written here.
        ContainerError: they are nothing that can be written in it.
    """
    try:
        body = encoders.write(array_like, content_type)
    except NotAcceptableError as error:
        raise _UnwrittenFormatError(content_type, str(error)) from None
    return body.decode() if content_type in _CONTENT_TYPES["UTF8_TYPES"] else body


def encode_array(array_like: Any, content_type: str) -> str | bytes:
    """The same, but CSV as NumPy writes tables: without quotes. Source: ``encoder.py`` of sagemaker-inference.

    Raises:
        ValueError: for CSV, it has no dimension, or more than two.
    """
    if content_type != _CONTENT_TYPES["CSV"]:
        return encode(array_like, content_type)
    text = io.StringIO()
    np.savetxt(text, array_like, delimiter=",", fmt="%s")
    return text.getvalue()


def decode_array(obj: str | bytes, content_type: str) -> NDArray[Any]:
    """A body as an array: JSON and .npy of whatever shape, CSV as NumPy reads it, or rows of numbers.

    From CSV comes the shape (columns,) where there is one line, (rows,) where there is one column; whole numbers are
    int64, and columns of different types make an array of records. Source: ``decoder.py`` of sagemaker-inference,
    which reads pickles too.

    Raises:
        DataError: it is not what the content type says.
        UnsupportedFormatError: it is of a type that is not read here.
    """
    kind = content_type.partition(";")[0].strip()
    try:
        if kind == _CONTENT_TYPES["JSON"]:
            return np.array(structured.loads(_bytes(obj)))
        if kind == _CONTENT_TYPES["CSV"]:
            charset = None if isinstance(obj, str) else ContentType.parse(content_type).charset
            text = delimited.decode_text(_bytes(obj), charset).decode()
            return np.asarray(np.genfromtxt(io.StringIO(text), dtype=None, delimiter=","))
        if kind == encoders.NPY:
            return np.asarray(np.load(io.BytesIO(_bytes(obj)), allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise DataError(f"the body is no array: {' '.join(str(error).split())}", f"send valid {kind}") from None
    matrix = _read(obj, content_type)
    return matrix.toarray() if issparse(matrix) else np.asarray(matrix)


def _bytes(obj: str | bytes) -> bytes:
    return obj.encode() if isinstance(obj, str) else bytes(obj)


def _read(obj: str | bytes, content_type: str) -> plain.Matrix:
    try:
        return plain.read(_bytes(obj), content_type)
    except UnsupportedMediaTypeError as error:
        raise UnsupportedFormatError(content_type, str(error)) from None


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
    """A content type that a script, or what it calls, does not take."""

    def __init__(self, content_type: str, said: str = "") -> None:
        super().__init__(said or f"the content type {content_type!r} is not taken here; send or accept another")


class _UnwrittenFormatError(UnsupportedFormatError, NotAcceptableError):
    """One that replies cannot have."""

    status = HTTPStatus.NOT_ACCEPTABLE


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
