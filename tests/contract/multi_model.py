"""A multi-model endpoint as the platform talks to it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from tests.support.serving import MODELS, Reply, Served, serving

ROW = b"100,3"
ANSWERS = {"approval": b'"no, thanks",0.45347622', "sizes": b"middle,0.07970485,0.8489058,0.07138935"}
"""What golden models predict for `ROW`."""


@dataclass(frozen=True)
class Endpoint:
    """A server, and the folder that models are unpacked below."""

    server: Served
    folder: Path

    def url(self, golden: str) -> str:
        """A folder with a golden model."""
        return str(self.folder / golden)

    def load(self, name: str, golden: str = "approval") -> Reply:
        body = json.dumps({"model_name": name, "url": self.url(golden)}).encode()
        return self.server.request("POST", "/models", body, {"Content-Type": "application/json"})

    def unload(self, name: str) -> Reply:
        return self.server.request("DELETE", f"/models/{quote(name, safe='')}")

    def describe(self, name: str) -> Reply:
        return self.server.request("GET", f"/models/{quote(name, safe='')}")

    def invoke(self, name: str, body: bytes = ROW, content_type: str = "text/csv") -> Reply:
        path = f"/models/{quote(name, safe='')}/invoke"
        return self.server.request("POST", path, body, {"Content-Type": content_type})

    def names(self) -> list[str]:
        """All that GET /models lists, page by page."""
        found: list[str] = []
        token = ""
        while True:
            page = json.loads(self.server.request("GET", f"/models?next_page_token={token}").body)
            found += [model["modelName"] for model in page["models"]]
            if (token := page.get("nextPageToken", "")) == "":
                return found

    @contextmanager
    def connected(self) -> Iterator[HTTPConnection]:
        """A connection that is kept, so to one worker."""
        with closing(HTTPConnection("127.0.0.1", self.server.port, timeout=60)) as connection:
            yield connection


@contextmanager
def endpoint(folder: Path, workers: int, *, base: str = "ml", **settings: str) -> Iterator[Endpoint]:
    """Serve without a model at first, until the block ends."""
    for golden in ANSWERS:
        (folder / "models" / golden).mkdir(parents=True, exist_ok=True)
        shutil.copy(MODELS / f"{golden}.ubj", folder / "models" / golden / "xgboost-model")
    many = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers)}
    with serving(folder / base, **many, **settings) as server:
        yield Endpoint(server, folder / "models")
