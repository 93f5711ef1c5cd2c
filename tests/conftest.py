"""Which tests can run here; what could not is said at the end, and with --all is a failure."""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Generator

import pytest

IMAGE = os.environ.get("IMAGE", "sagemaker-xgboost")
"""The image under test; IMAGE:cpu is its small variant."""


def pytest_configure() -> None:
    """A shell starts what runs in the background with SIGINT ignored, and programs under test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="fail where a test is skipped, unless it is marked gpu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {"docker": _no_docker, "gpu": _no_gpu}
    for mark, reason in missing.items():
        marked = [item for item in items if item.get_closest_marker(mark)]
        if marked and (why := reason()):
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=why))


def _no_docker() -> str | None:
    if not shutil.which("docker"):
        return "Docker is not installed; install it and run make test again"
    if not _succeeds("docker", "info"):
        return "no Docker engine answers; start one and run make test again"
    if not _succeeds("docker", "image", "inspect", IMAGE, f"{IMAGE}:cpu"):
        return "the images are not built; run make image image-cpu"
    return None


def _no_gpu() -> str | None:
    return None if shutil.which("nvidia-smi") and _succeeds("nvidia-smi") else "there is no NVIDIA GPU"


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    yield
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.items():
        terminalreporter.write_line(f"not run: {count} test{'s' if count > 1 else ''} ({reason})", yellow=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "skipped"


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    # A module that skips itself is reported without keywords.
    skipped = [report for report in reporter.stats.get("skipped", []) if "gpu" not in getattr(report, "keywords", ())]
    if skipped and session.config.getoption("--all") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
