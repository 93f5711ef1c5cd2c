import pytest
import xgboost

from container.training import device


@pytest.mark.parametrize(
    ("gpus", "built", "params", "chosen"),
    [
        pytest.param(0, True, {}, "cpu", id="no GPU"),
        pytest.param(1, True, {}, "cuda", id="GPU"),
        pytest.param(4, True, {"tree_method": "hist"}, "cuda", id="GPUs"),
        pytest.param(1, False, {}, "cpu", id="the CPU image on a GPU machine"),
        pytest.param(1, True, {"tree_method": "exact"}, "cpu", id="exact"),
        pytest.param(1, True, {"booster": "gblinear"}, "cpu", id="gblinear"),
        pytest.param(1, True, {"updater": "grow_histmaker"}, "cpu", id="updaters of the CPU"),
    ],
)
def test_device_left_open(monkeypatch, gpus, built, params, chosen):
    monkeypatch.setattr(device, "visible_gpus", lambda: gpus)
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": built})
    assert device.choose(params) == chosen
