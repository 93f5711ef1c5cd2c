"""A multi-model endpoint in a container that is confined as on the platform, with little memory."""

import json
import re
import subprocess
from collections.abc import Callable

import numpy as np
import requests
import xgboost

from tests.image.conftest import Container, OptMl, docker

READ_ONLY = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
LITTLE = ["--memory", "450m", "--memory-swap", "450m"]
MANY = ["--env", "SAGEMAKER_MULTI_MODEL=true", "--env", "SAGEMAKER_MODEL_SERVER_WORKERS=2"]
ROWS = np.random.default_rng(0).normal(size=(8000, 4)).astype(np.float32)


def model() -> xgboost.Booster:
    data = xgboost.DMatrix(ROWS, ROWS[:, 0] * ROWS[:, 1], nthread=1)
    return xgboost.train({"max_depth": 12, "min_child_weight": 0, "nthread": 1}, data, 60)


def load(endpoint: Container, name: str) -> requests.Response:
    body = {"model_name": name, "url": "/opt/ml/models/0123456789abcdef/model"}
    return requests.post(endpoint.url("/models"), json=body, timeout=60)


def invoke(endpoint: Container, name: str) -> bytes:
    body = b",".join(b"%.9g" % value for value in ROWS[0])
    url = endpoint.url(f"/models/{name}/invoke")
    reply = requests.post(url, body, headers={"Content-Type": "text/csv"}, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.content


def test_models_are_loaded_until_memory_is_short_and_again_once_one_has_gone(
    opt_ml: OptMl, start: Callable[..., Container]
) -> None:
    folder = opt_ml.root / "models/0123456789abcdef/model"
    folder.mkdir(parents=True)
    booster = model()
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    expected = b"%.9g" % booster.inplace_predict(ROWS[:1])[0]
    endpoint = start("serve", *READ_ONLY, *LITTLE, *MANY, "--user", "1234:1234")
    endpoint.wait_for(endpoint.answers_ping)
    assert requests.get(endpoint.url("/models"), timeout=10).json() == {"models": []}

    loaded: list[str] = []
    while (reply := load(endpoint, f"model-{len(loaded)}")).status_code == 200:
        loaded.append(f"model-{len(loaded)}")
        assert len(loaded) < 200
    assert reply.status_code == 507, reply.text
    assert re.search(r"it needs \d+ MB more, and \d+ of 450 MB are free for models", reply.json()["error"])
    assert len(loaded) > 3
    for name in loaded:
        assert np.float32(invoke(endpoint, name)) == np.float32(expected)

    # One model's room is left over: what requests hold for a moment, and holes in the heap, come out of it.
    assert requests.delete(endpoint.url(f"/models/{loaded.pop()}"), timeout=60).status_code == 200
    for swap in range(20):
        assert requests.delete(endpoint.url(f"/models/{loaded.pop(0)}"), timeout=60).status_code == 200
        loaded.append(f"swapped-{swap}")
        assert load(endpoint, loaded[-1]).status_code == 200
        assert np.float32(invoke(endpoint, loaded[-1])) == np.float32(expected)

    large = b"\n".join([b"0.1,0.2,0.3,0.4"] * 100_000)  # what requests need is still there
    url = endpoint.url(f"/models/{loaded[-1]}/invoke")
    reply = requests.post(url, large, headers={"Content-Type": "text/csv"}, timeout=120)
    assert (reply.status_code, reply.content.count(b"\n")) == (200, 99_999)
    state = json.loads(docker("inspect", "-f", "{{json .State}}", endpoint.name))
    assert (state["Running"], state["OOMKilled"]) == (True, False)
    assert "SIGKILL" not in endpoint.logs()
    assert subprocess.run(["docker", "stop", "--time", "25", endpoint.name], capture_output=True).returncode == 0
    assert endpoint.wait() == 0
    assert endpoint.logs().splitlines()[-1] == "stopped"
