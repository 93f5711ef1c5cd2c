"""The modules of AWS's image that scripts import, as far as inference code uses them."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from container.errors import DataError, NotAcceptableError, UnsupportedMediaTypeError
from container.serving.scripted import aws_modules

_NAMES = ("sagemaker_xgboost_container", "sagemaker_containers", "sagemaker_inference")


@pytest.fixture(autouse=True)
def provided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = {name for name in sys.modules if name.startswith(_NAMES)}
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    aws_modules.provide()
    yield
    for name in [name for name in sys.modules if name.startswith(_NAMES)]:
        del sys.modules[name]


@pytest.fixture
def encoder() -> ModuleType:
    return importlib.import_module("sagemaker_xgboost_container.encoder")


def test_bodies_become_matrices(encoder: ModuleType) -> None:
    for matrix in (
        encoder.csv_to_dmatrix("1,2\n3,"),
        encoder.csv_to_dmatrix(b"1;2\n3;", dtype=float),
        encoder.decode(bytearray(b"1,2\n3,"), "text/csv; charset=utf-8"),
        encoder.libsvm_to_dmatrix(b"0:1 1:2\n0:3"),
        encoder.decode(b"0:1 1:2\n0:3", "text/x-libsvm"),
    ):
        assert (matrix.num_row(), matrix.num_col(), matrix.num_nonmissing()) == (2, 2, 3)
    record = b"\n#\xd7\xce(\x00\x00\x00\n&\n\x06values\x12\x1c\x1a\x1a\n\x18" + np.array([42.0, 6, 9]).tobytes()
    assert encoder.recordio_protobuf_to_dmatrix(record).get_data().toarray().tolist() == [[42, 6, 9]]
    assert encoder.json_to_jsonlines({"predictions": [{"score": 1}, 2]}) == b'{"score":1}\n2\n'


def test_what_is_no_matrix_is_refused(encoder: ModuleType) -> None:
    with pytest.raises(DataError, match="'12:12:12' is not a number"):
        encoder.csv_to_dmatrix("1,2,12:12:12\n1,2,3")
    with pytest.raises(UnsupportedMediaTypeError):
        encoder.decode(b"1", "image/png")


def test_predictions_become_text() -> None:
    from sagemaker_containers.beta.framework import content_types, encoders, errors, worker

    assert encoders.encode(np.array([0.5, 1]), content_types.JSON) == "[0.5,1.0]"
    assert encoders.encode({"predictions": [0.5]}, content_types.JSON) == '{"predictions":[0.5]}'
    assert encoders.encode([0.5, 1], content_types.CSV) == "0.5\n1.0\n"
    assert encoders.encode(["no, thanks", "yes"], content_types.CSV) == '"no, thanks"\nyes\n'
    assert encoders.encode([0.5], content_types.NPY).startswith(b"\x93NUMPY")
    with pytest.raises(errors.UnsupportedFormatError, match="cannot answer in 'image/png'") as caught:
        encoders.encode([1], "image/png")
    assert caught.value.status == 406
    assert isinstance(caught.value, NotAcceptableError)
    reply = worker.Response("{}", status=418)
    assert (reply.status_code, reply.mimetype, reply.get_data()) == (418, "application/json", b"{}")
    assert issubclass(errors.UnsupportedFormatError, Exception)


def test_sagemaker_inference() -> None:
    from sagemaker_inference import content_types, decoder, encoder, errors

    assert decoder.decode("[[1, 2], [3, 4]]", content_types.JSON).tolist() == [[1, 2], [3, 4]]
    assert decoder.decode(encoder.encode(np.arange(3), content_types.NPY), content_types.NPY).tolist() == [0, 1, 2]
    assert decoder.decode(b"1:2", "text/libsvm").shape == (1, 2)
    assert encoder.encode(np.arange(2), content_types.JSON) == "[0,1]"
    error = errors.GenericInferenceToolkitError(418, "no tea")
    assert (str(error), error.status, error.status_code, error.phrase) == ("no tea", 418, 418, "no tea")
    assert errors.UnsupportedFormatError("image/png").status == 415
    with pytest.raises(errors.UnsupportedFormatError, match="'image/png'") as caught:
        encoder.encode([1], "image/png")
    assert caught.value.status == 406
    with pytest.raises(errors.UnsupportedFormatError, match="cannot read the content type 'image/png'") as caught:
        decoder.decode(b"1", "image/png")
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("array_like", "text"),
    [
        ([42, 6, 9], "42\n6\n9\n"),
        ([42.0, 6.0, 9.0], "42.0\n6.0\n9.0\n"),
        (["42", "6", "9"], "42\n6\n9\n"),
        (["no, thanks", "yes"], "no, thanks\nyes\n"),
        ([[True, False]], "True,False\n"),
        (np.array([[0.1, np.nan]], np.float32), "0.1,nan\n"),
    ],
)
def test_sagemaker_inference_writes_csv_as_numpy_does(array_like: Any, text: str) -> None:
    from sagemaker_inference import encoder

    assert encoder.encode(array_like, "text/csv") == text


@pytest.mark.parametrize(
    ("body", "content_type", "dtype", "values"),
    [
        ("1,2,3", "text/csv", "int64", [1, 2, 3]),
        ("1.5,2.5", "text/csv", "float64", [1.5, 2.5]),
        ("42\n6\n9\n", "text/csv", "int64", [42, 6, 9]),
        (b"1,2\n3,4", "text/csv", "int64", [[1, 2], [3, 4]]),
        ("é,b".encode("latin-1"), "text/csv; charset=latin-1", "<U1", ["é", "b"]),
        ("1,2.5", "text/csv", "[('f0', '<i8'), ('f1', '<f8')]", (1, 2.5)),
        ("[42.0, 6.0]", "application/json", "float64", [42, 6]),
        ('["42"]', "application/json", "<U2", ["42"]),
    ],
)
def test_sagemaker_inference_reads_as_numpy_does(
    body: str | bytes, content_type: str, dtype: str, values: list[Any]
) -> None:
    from sagemaker_inference import decoder

    array = decoder.decode(body, content_type)
    assert (str(array.dtype), array.tolist()) == (dtype, values)


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("1,2\n3", "text/csv", r"the body is no array: Some errors were detected ! Line #2 .*; send valid text/csv"),
        ("[[1, 2], [3]]", "application/json", "the body is no array: setting an array element"),
        (b"", "application/x-npy", "the body is no array: No data left in file; send valid application/x-npy"),
        (b"\x80\x04N.", "application/x-npy", "the body is no array: .* pickled"),
    ],
)
def test_what_is_no_array_is_refused(body: str | bytes, content_type: str, message: str) -> None:
    from sagemaker_inference import decoder

    with pytest.raises(DataError, match=message):
        decoder.decode(body, content_type)


def test_what_is_installed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sagemaker_xgboost_container")]:
        monkeypatch.delitem(sys.modules, name)
    installed = ModuleType("sagemaker_xgboost_container")
    installed.__spec__ = importlib.util.spec_from_loader("sagemaker_xgboost_container", None)
    monkeypatch.setitem(sys.modules, "sagemaker_xgboost_container", installed)
    aws_modules.provide()
    assert "sagemaker_xgboost_container.encoder" not in sys.modules


def test_providing_twice_changes_nothing(encoder: ModuleType) -> None:
    aws_modules.provide()
    assert importlib.import_module("sagemaker_xgboost_container.encoder") is encoder
