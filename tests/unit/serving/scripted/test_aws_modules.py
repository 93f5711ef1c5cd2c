"""The modules of AWS's image that scripts import, as far as inference code uses them."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

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
    assert encoders.encode([0.5, 1], content_types.CSV) == "0.5\n1.0"
    assert encoders.encode([0.5], content_types.NPY).startswith(b"\x93NUMPY")
    with pytest.raises(NotAcceptableError):
        encoders.encode([1], "image/png")
    reply = worker.Response("{}", status=418)
    assert (reply.status_code, reply.mimetype, reply.get_data()) == (418, "application/json", b"{}")
    assert issubclass(errors.UnsupportedFormatError, Exception)


def test_sagemaker_inference() -> None:
    from sagemaker_inference import content_types, decoder, encoder, errors

    assert decoder.decode("[[1, 2], [3, 4]]", content_types.JSON).tolist() == [[1, 2], [3, 4]]
    assert decoder.decode("1,2\n3,4", content_types.CSV).tolist() == [[1, 2], [3, 4]]
    assert decoder.decode(encoder.encode(np.arange(3), content_types.NPY), content_types.NPY).tolist() == [0, 1, 2]
    assert decoder.decode(b"1:2", "text/libsvm").shape == (1, 2)
    assert encoder.encode(np.arange(2), content_types.JSON) == "[0,1]"
    error = errors.GenericInferenceToolkitError(418, "no tea")
    assert (str(error), error.status, error.status_code, error.phrase) == ("no tea", 418, 418, "no tea")
    assert errors.UnsupportedFormatError("image/png").status == 415


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
