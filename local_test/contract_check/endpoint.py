"""A container that serves, and requests to it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from contract_check.asking import Reply, Request, ask
from contract_check.context import Context, last_line
from contract_check.docker import Container, Tree

PORT = 8080


class Endpoint:
    """`docker run IMAGE serve` with files below /opt/ml/model, or below another folder."""

    def __init__(
        self,
        context: Context,
        tree: Tree,
        *options: str,
        folder: str = "/opt/ml/model",
        mode: str = "",
        port: int = PORT,
    ) -> None:
        volume = context.docker.volume(context.image, tree)
        self._context, self._port = context, port
        published = [word for number in sorted({port, PORT}) for word in ("--publish", f"127.0.0.1::{number}")]
        self.container: Container = context.container(
            "serve", "--volume", f"{volume}:{folder}{mode}", *published, *options
        )
        self.container.start()
        self._begun = time.monotonic()
        self._host_port = self.container.port(port)
        self._usual_port = 0 if port == PORT else self.container.port(PORT)

    def healthy(self, seconds: float) -> str:
        """Wait until /ping answers 200: nothing, or what it did instead in so many seconds."""
        answer = "nothing"
        while time.monotonic() < self._begun + seconds:
            reply = self.get("/ping", self._context.limits.ping)
            if reply.status == 200:
                self.seconds_to_start = time.monotonic() - self._begun
                return ""
            answer = str(reply) if reply.status else answer
            if not self.container.running():
                return f"it ended with exit code {self.container.wait(10)}: {last_line(self.container.logs())}"
            if self._usual_port and ask(self._usual_port, "GET", "/ping", seconds=1).status == 200:
                return f"it listens on port {PORT} instead of {self._port}"
            time.sleep(0.05)
        return f"/ping on port {self._port} has not answered 200 in {seconds:g} s, but {answer}"

    def get(self, path: str, seconds: float = 60) -> Reply:
        return ask(self._host_port, "GET", path, seconds=seconds)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        return ask(self._host_port, method, path, body, headers, self._context.limits.request)

    def predict(
        self, body: bytes | None = None, content_type: str = "", accept: str = "", path: str = "/invocations"
    ) -> Reply:
        """The reply to a request for predictions; by default the sample one."""
        samples = self._context.samples
        headers = {"Content-Type": content_type or samples.content_type, **({"Accept": accept} if accept else {})}
        return self.send("POST", path, samples.request if body is None else body, headers)

    def answered(self, seconds: float = 15) -> Reply:
        """The reply to the sample request once it is 200, else the last one in so many seconds."""
        deadline = time.monotonic() + seconds
        while (reply := self.predict()).status != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        return reply

    def begin(self, body: bytes) -> Request:
        """A request for predictions whose body is still to be sent."""
        headers = {"Content-Type": self._context.samples.content_type}
        return Request(self._host_port, "POST", "/invocations", len(body), headers)

    def remove(self) -> None:
        self.container.remove()
