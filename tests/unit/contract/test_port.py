"""A port that cannot be listened on is named, with what to do."""

import socket

import pytest

from container.contract import port
from container.errors import UserError


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_port_that_is_taken_is_refused_with_the_setting_that_names_another(listener):
    taken = listener.getsockname()[1]
    with pytest.raises(UserError) as raised:
        port.check(taken)
    assert str(raised.value) == (
        f"port {taken} is taken by another program; stop that, or set SAGEMAKER_BIND_TO_PORT to another"
    )


def test_a_port_that_was_left_with_connections_is_free(listener):
    number = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", number)) as client:
        served, _ = listener.accept()
        served.close()  # this side waits for the last packets
        listener.close()
        client.recv(1)
        port.check(number)


def test_a_right_that_is_missing_is_named(monkeypatch):
    def refuse(self, address):
        raise PermissionError(13, "Permission denied")

    class Refusing(socket.socket):
        bind = refuse

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(UserError) as raised:
        port.check(80)
    assert str(raised.value) == (
        "port 80 cannot be listened on: Permission denied; set SAGEMAKER_BIND_TO_PORT to another"
    )
