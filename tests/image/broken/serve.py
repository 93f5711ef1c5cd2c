"""A server that keeps the contract, but for the faults that $FAULTS names."""

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import FrameType

from container.contract.resources import usable_cpus

FAULTS = set(os.environ.get("FAULTS", "").split(","))
MULTI_MODEL = os.environ.get("SAGEMAKER_MULTI_MODEL") == "true"
PORT = 8080 if "fixed-port" in FAULTS else int(os.environ.get("SAGEMAKER_BIND_TO_PORT") or 8080)
MODEL = Path("/opt/ml/model")

models: dict[str, tuple[str, float]] = {}
"""Folder and mean by name; the one model of an endpoint has no name."""


def load(name: str, folder: str) -> None:
    try:
        models[name] = folder, float(json.loads((Path(folder) / "model.json").read_text())["mean"])
    except ValueError:
        if "hangs" in FAULTS:
            time.sleep(3600)
        raise


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/ping":
            self.reply(200)
        elif self.path == "/execution-parameters":
            strategy = "SOME_RECORDS" if "odd-parameters" in FAULTS else "MULTI_RECORD"
            told = {"MaxConcurrentTransforms": 1, "BatchStrategy": strategy, "MaxPayloadInMB": 6}
            self.reply(200, json.dumps(told))
        elif self.path == "/models" and "no-models" not in FAULTS:
            self.reply(200, json.dumps({"models": [self.model(name) for name in models]}))
        elif self.path.startswith("/models/") and self.path[8:] in models:
            self.reply(200, json.dumps(self.model(self.path[8:])))
        else:
            self.reply(404)

    def model(self, name: str) -> dict[str, str]:
        return {"modelName": name, "modelUrl": models[name][0]}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/models":
            told = json.loads(body)
            again = told["model_name"] in models and "loads-twice" not in FAULTS
            if not again:
                load(told["model_name"], told["url"])
            self.reply(409 if again else 200)
        elif self.path == "/invocations" and "no-invocations" not in FAULTS:
            self.predict("", body)
        elif self.path.endswith("/invoke"):
            name = self.path.split("/")[2]
            if name in models:
                self.predict(name, body)
            else:
                self.reply(500 if "unknown-model-500" in FAULTS else 404)
        else:
            self.reply(404)

    def do_DELETE(self) -> None:
        name = self.path.rpartition("/")[2]
        known = name in models
        if "never-unloads" not in FAULTS:
            models.pop(name, None)
        self.reply(200 if known else 404)

    def predict(self, name: str, body: bytes) -> None:
        if name not in models:
            return self.reply(503, "the model is not there yet")
        if self.headers["Content-Type"] != "text/csv":
            try:
                raise ValueError("not CSV")
            except ValueError:
                wrong = "traceback-reply" in FAULTS
                return self.reply(500, traceback.format_exc()) if wrong else self.reply(415, "send text/csv")
        if len(body) > 1024 * 1024:
            time.sleep(2)
        predictions = [str(models[name][1])] * (body.strip().count(b"\n") + 1)
        if self.headers["Accept"] == "application/json" and "ignores-accept" not in FAULTS:
            return self.reply(200, json.dumps({"predictions": predictions}), "application/json")
        return self.reply(200, "\n".join(["score"] * ("header" in FAULTS) + predictions), "text/csv")

    def reply(self, status: int, text: str = "", media_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, text: str, *arguments: object) -> None:
        if "noisy" in FAULTS:
            super().log_message(text, *arguments)


class Threads(ThreadingHTTPServer):
    daemon_threads = False  # so that closing the server waits for them
    request_queue_size = 64


def check_surroundings() -> None:
    """Everything here is a fault: a program that relies on what the platform does not promise."""
    if "writes-root" in FAULTS:
        Path("/opt/stand-in/log").write_text("")
    if "needs-shm" in FAULTS:
        tempfile.NamedTemporaryFile(dir="/dev/shm").close()
    if "wants-cpus" in FAULTS and usable_cpus() < (os.cpu_count() or 1):
        raise RuntimeError("some CPUs are missing")
    if "writes-model" in FAULTS:
        (MODEL / "cache").write_text("")
    if "crashes" in FAULTS:
        raise RuntimeError("cannot import anything")


def load_late() -> None:
    time.sleep(3)
    load("", str(MODEL))


def main() -> None:
    server = (HTTPServer if "one-at-a-time" in FAULTS else Threads)(("0.0.0.0", PORT), Handler)

    def stop(number: int, frame: FrameType | None) -> None:
        if "drops-requests" in FAULTS:
            os._exit(0)
        Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    check_surroundings()
    if "ping-early" in FAULTS and not MULTI_MODEL:
        Thread(target=load_late, daemon=True).start()
    elif not MULTI_MODEL and not ("serves-anything" in FAULTS and b"mean" not in (MODEL / "model.json").read_bytes()):
        load("", str(MODEL))
    server.serve_forever()
    server.server_close()


try:
    main()
except Exception as error:  # noqa: BLE001
    sys.exit(1 if "silent" in FAULTS else f"cannot serve: {error}")
