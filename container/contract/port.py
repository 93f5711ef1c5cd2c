"""Whether the port to serve on is free."""

import errno
import socket

from container.errors import UserError


def check(port: int) -> None:
    """Refuse a port that cannot be listened on, in place of the server's ten attempts.

    Raises:
        UserError: it is taken, or needs a right that this process does not have.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may linger
        try:
            probe.bind(("", port))
        except OSError as error:
            taken = "is taken by another program; stop that, or set"
            refused = f"cannot be listened on: {error.strerror}; set"
            why = taken if error.errno == errno.EADDRINUSE else refused
            raise UserError(f"port {port} {why} SAGEMAKER_BIND_TO_PORT to another") from None
