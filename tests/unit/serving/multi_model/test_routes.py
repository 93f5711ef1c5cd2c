"""What the routes leave for the server, which golden cases do not show."""

import pytest
from werkzeug.test import EnvironBuilder

from container.contract.serving_env import ServingSettings
from container.serving.seen import ROWS
from tests.golden import many


@pytest.mark.parametrize("name", ["a", "b/c"])
def test_rows_are_told_whatever_the_model_is_called(name: str) -> None:
    with many.loaded(f"{many.PREFIX}{name}=approval", ServingSettings(workers=1)) as server:
        environ = EnvironBuilder(f"/models/{name}/invoke", method="POST", json=[[100, 3], [90, 2]]).get_environ()
        statuses: list[str] = []
        server.app(environ, lambda status, headers: statuses.append(status))
        assert (statuses, environ[ROWS]) == (["200 OK"], 2)
