"""Any text can be a model's name, from loading to unloading."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from container.contract.serving_env import ServingSettings
from container.errors import UserError
from container.serving.multi_model import names
from tests.golden import many
from tests.golden.many import Many

_SPECIAL = st.text(st.sampled_from("./\\%?#&=+ :;\0\n\"'é€😀aInvoke"), min_size=1, max_size=12)
_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=1000) | _SPECIAL


@pytest.fixture(scope="module")
def server() -> Iterator[Many]:
    with many.loaded(many.PREFIX, ServingSettings(workers=1)) as found:
        yield found


@settings(deadline=None, max_examples=60)
@given(name=_NAMES)
@example(name="..")
@example(name="../../../../etc/passwd")
@example(name="/etc/passwd")
@example(name="invoke")
@example(name="a/invoke")
@example(name="%2e%2e%2f")
@example(name="x" * 8000)
def test_a_name_is_loaded_listed_asked_and_unloaded_as_it_is(server: Many, name: str) -> None:
    client, path = server.app.test_client(), f"/models/{quote(name, safe='')}"
    before = sorted(Path().iterdir())
    try:
        names.checked(name)
    except UserError:
        assert client.post("/models", json={"model_name": name, "url": "approval"}).status_code == 400
        return
    entry = {"modelName": name, "modelUrl": "approval"}
    assert client.get(path).status_code == 404
    assert client.post("/models", json={"model_name": name, "url": "approval"}).get_json() == entry
    assert client.post("/models", json={"model_name": name, "url": "approval"}).status_code == 409
    assert client.get("/models").get_json() == {"models": [entry]}
    assert client.get(path).get_json() == entry
    reply = client.post(f"{path}/invoke", data=b"100,3", content_type="text/csv")
    assert (reply.status_code, reply.data) == (200, b'"no, thanks",0.45347622')
    handler = server.fast.handler("POST", f"{path}/invoke", [("HOST", "a"), ("CONTENT-TYPE", "text/csv")])
    assert handler is not None
    assert handler(b"100,3") in (None, ("text/csv", reply.data, 1))  # None without the compiled core
    assert client.delete(path).get_json() == entry
    assert client.delete(path).status_code == 404
    assert handler(b"100,3") is None
    assert client.post(f"{path}/invoke", data=b"100,3").status_code == 404
    assert client.get("/models").get_json() == {"models": []}
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/models/a/invoke", "a"),
        ("/models/a%2Fb/invoke", "a/b"),
        ("/models/a/b/invoke", "a/b"),
        ("/models/%C3%A9/invoke", "é"),
        ("/models/%FF/invoke", None),
        ("/models//invoke", None),
        ("/models/invoke", None),
        ("/models/a", None),
        ("/models/a?b/invoke", None),
        ("/models/a%3Fb/invoke", "a?b"),
        ("/invocations", None),
    ],
)
def test_the_model_that_is_invoked(target: str, name: str | None) -> None:
    assert names.invoked(target) == name


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/models/a%2Fb?limit=1", "/models/a%2Fb"),
        ("/models?limit=1", None),
        ("/ping", None),
        ("http://host:8080/models/a%2Fb?limit=1", "/models/a%2Fb"),
        ("/%6Dodels/a%252Fb/%69nvoke", "/models/a%252Fb/invoke"),
        ("/models/%2561%41%7e%c3%a9", "/models/%2561A~%c3%a9"),
        ("/models%2Fa%252Fb", "/models%2Fa%252Fb"),
    ],
)
def test_below_models_the_path_is_taken_as_it_was_sent(target: str, path: str | None) -> None:
    decoded = unquote(urlsplit(target).path, "latin-1")
    assert names.encoded_path({"RAW_URI": target, "PATH_INFO": decoded}) == path
    assert names.encoded_path({"PATH_INFO": decoded}) is None


@pytest.mark.parametrize("path", ["/%6Dodels/a%2525b", "http://host/models/a%2525b"])
def test_a_name_is_decoded_once_however_the_path_is_written(server: Many, path: str) -> None:
    client = server.app.test_client()
    client.post("/models", json={"model_name": "a%25b", "url": "approval"})
    environ = {"RAW_URI": path, "PATH_INFO": unquote(urlsplit(path).path)}
    try:
        assert client.get(environ_overrides=environ).get_json() == {"modelName": "a%25b", "modelUrl": "approval"}
    finally:
        client.delete("/models/a%2525b")
