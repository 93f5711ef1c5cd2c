"""What users see of a job or an endpoint that cannot work."""

from collections.abc import Callable

import pytest

from tests.image.conftest import DATA, Container, OptMl


def test_failure_file_starts_with_the_cause(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    opt_ml.job({"target": "price", "max_dept": 7}, train="text/csv")
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    job = start("train")

    assert job.wait() != 0
    assert opt_ml.failure.read_text().startswith("'max_dept' is unknown; did you mean 'max_depth'?")
    assert not opt_ml.model.exists()


@pytest.mark.parametrize("model", [pytest.param(None, id="missing"), pytest.param(b"\x80\x04K\x01.", id="pickle")])
def test_endpoint_without_a_usable_model_says_so_and_ends(
    opt_ml: OptMl, start: Callable[..., Container], model: bytes | None
) -> None:
    """A port that never answers would cost eight minutes, and say nothing."""
    if model is not None:
        opt_ml.model.write_bytes(model)
    endpoint = start("serve")

    assert endpoint.wait() != 0
    assert "xgboost-model" in endpoint.logs()
    assert "Traceback" not in endpoint.logs()
