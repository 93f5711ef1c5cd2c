"""`make audit` against a stand-in for the database of vulnerabilities: a known one fails it."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def database(findings: dict[str, str]) -> Iterator[str]:
    """Answers as OSV does; ``findings`` has the advisory of each package that has one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            found = {
                "id": findings.get(name, ""),
                "summary": "bad",
                "affected": [{"package": {"name": name, "ecosystem": "PyPI"}, "versions": [asked["version"]]}],
            }
            body = json.dumps({"vulns": [found]} if name in findings else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(ROOT), "-o", "venv", "audit", f"AUDIT_ARGS=-s osv --osv-url {url}"]
    return subprocess.run(command, text=True, capture_output=True, timeout=120)


def test_no_finding_passes() -> None:
    with database({}) as url:
        done = audit(url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No known vulnerabilities found" in done.stderr


def test_a_finding_fails_and_is_named() -> None:
    with database({"flask": "PYSEC-2099-1"}) as url:
        done = audit(url)
    assert done.returncode != 0
    assert "PYSEC-2099-1" in done.stdout
