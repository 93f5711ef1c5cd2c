"""MLServer with its own XGBoost runtime: python mlserver_sample.py PORT WORKERS. MODEL names the model's file."""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(dir=Path(os.environ["MODEL"]).parents[2]))
    settings = {
        "debug": False,
        "host": "127.0.0.1",
        "http_port": int(sys.argv[1]),
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "metrics_dir": str(folder / "metrics"),
        "environments_dir": str(folder / "environments"),
        "parallel_workers": int(sys.argv[2]),
    }
    model = {
        "name": "model",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": os.environ["MODEL"]},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    server = str(Path(sys.executable).with_name("mlserver"))
    os.execv(server, [server, "start", str(folder)])
