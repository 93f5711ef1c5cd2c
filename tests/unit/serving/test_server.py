"""gunicorn's settings."""

import tempfile
from pathlib import Path

import pytest
from flask import Flask

from container.contract.serving_env import ServingSettings
from container.serving.server import Server, heartbeat_folder, options


def test_the_heartbeat_is_kept_in_memory_where_that_can_be_written(tmp_path: Path) -> None:
    assert heartbeat_folder((str(tmp_path / "absent"), str(tmp_path))) == str(tmp_path)


def test_the_heartbeat_goes_to_the_temporary_folder_where_there_is_no_shared_memory(tmp_path: Path) -> None:
    assert heartbeat_folder((str(tmp_path / "absent"),)) == tempfile.gettempdir()


def test_gunicorn_takes_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 9")
    app = Flask("test")
    server = Server(app, options(ServingSettings(port=18081, workers=3, timeout=77)))
    cfg = server.cfg
    assert (cfg.address, cfg.workers, cfg.timeout) == ([("0.0.0.0", 18081)], 3, 77)
    assert cfg.control_socket_disable
    assert not cfg.accesslog
    assert cfg.graceful_timeout < 25
    assert server.wsgi() is app


@pytest.mark.parametrize(("timeout", "least"), [(1, 3), (2, 3), (3, 3), (60, 60)])
def test_a_worker_may_be_silent_for_longer_than_between_two_signs_of_life(timeout: int, least: int) -> None:
    assert options(ServingSettings(workers=1, timeout=timeout))["timeout"] == least
