"""Asking the online store: batches, what is asked for again, and what is said when it gives no answer."""

import socket
import threading
from collections.abc import Iterator

import pytest

from container.errors import DataError
from container.serving import feature_store
from container.serving.feature_store import FeatureStoreBusyError, FeatureStoreError, OnlineStore
from tests.support.feature_store import VARIABLES, Answer, Group, failure, online_store


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    with online_store(
        Group({str(n): {"area": f"{n}.5", "rooms": "3", "event_time": "2026"} for n in range(250)})
    ) as it:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME", it.url)
        yield it


@pytest.fixture
def store() -> OnlineStore:
    return OnlineStore("houses", "eu-west-1", 4)


def test_records_by_identifier(group: Group, store: OnlineStore) -> None:
    found = store.records(["7", "8", "7", "missing"], ["area", "rooms", "MS.Zoning"])
    assert found == {"7": {"area": "7.5", "rooms": "3"}, "8": {"area": "8.5", "rooms": "3"}}
    assert group.asked == [["7", "8", "missing"]]
    assert group.features == [["area", "rooms"]]  # the service refuses the other name


def test_a_hundred_at_a_time(group: Group, store: OnlineStore) -> None:
    found = store.records(map(str, range(250)), ["area"])
    assert [len(asked) for asked in group.asked] == [100, 100, 50]
    assert found == {str(n): {"area": f"{n}.5"} for n in range(250)}


def test_all_features_where_none_of_the_names_is_one(group: Group, store: OnlineStore) -> None:
    assert store.records(["7"], ["MS.Zoning"]) == {"7": {"area": "7.5", "rooms": "3", "event_time": "2026"}}


def test_what_is_left_unprocessed_is_asked_for_again(group: Group, store: OnlineStore) -> None:
    group.answers = [lambda asked: (200, group.left(asked, 2)), lambda asked: (200, group.left(asked, 1))]
    assert store.records(["1", "2", "3"], ["area"]).keys() == {"1", "2", "3"}
    assert group.asked == [["1", "2", "3"], ["2", "3"], ["3"]]


def test_not_for_ever(group: Group, store: OnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_store, "_PAUSES", (0.001, 0.001))
    group.answers = [lambda asked: (200, group.left(asked, 1))] * 9
    with pytest.raises(FeatureStoreBusyError) as caught:
        store.records(["1", "2"], ["area"])
    assert str(caught.value) == (
        "the feature group 'houses' left 1 of 2 records unprocessed, the first '2'; "
        "send the request again later, or fewer records at once"
    )
    assert (caught.value.status, len(group.asked)) == (503, 3)
    monkeypatch.setattr(feature_store, "SECONDS", -1.0)
    group.asked.clear()
    with pytest.raises(FeatureStoreBusyError, match="left 2 of 2 records unprocessed"):
        store.records(["1", "2"], ["area"])
    assert not group.asked


def refusing(code: str) -> Answer:
    error = {
        "FeatureGroupName": "houses",
        "RecordIdentifierValueAsString": "1",
        "ErrorCode": code,
        "ErrorMessage": "no",
    }
    return 200, {"Records": [], "Errors": [error], "UnprocessedIdentifiers": []}


def test_errors_of_single_records(group: Group, store: OnlineStore) -> None:
    group.answers = [lambda asked: refusing("InternalFailure")]
    assert store.records(["1"], ["area"]) == {"1": {"area": "1.5"}}
    group.answers = [lambda asked: refusing("AccessForbidden")]
    with pytest.raises(FeatureStoreError, match="refused the record '1': AccessForbidden: no; look at the endpoint's"):
        store.records(["1"], ["area"])


def test_throttling_is_tried_again_and_then_said(group: Group, store: OnlineStore) -> None:
    throttled = failure("ThrottlingException", "Rate exceeded", 429)
    group.answers = [lambda asked: throttled, lambda asked: throttled]
    assert store.records(["1"], ["area"]) == {"1": {"area": "1.5"}}
    group.answers = [lambda asked: throttled] * 3
    with pytest.raises(FeatureStoreBusyError, match=r"\(ThrottlingException\).*Rate exceeded; send the request again"):
        store.records(["1"], ["area"])


@pytest.mark.parametrize(
    ("code", "status", "remedy"),
    [
        ("AccessDeniedException", 403, "the endpoint's role needs sagemaker:BatchGetRecord on the group"),
        ("ExpiredTokenException", 403, "the endpoint's role needs sagemaker:BatchGetRecord on the group"),
        ("ValidationException", 400, "must be of an online group that has the model's columns"),
    ],
)
def test_a_refusal_is_one_line_with_a_remedy(
    group: Group, store: OnlineStore, code: str, status: int, remedy: str
) -> None:
    group.answers = [lambda asked: failure(code, "not\nthis", status)]
    with pytest.raises(FeatureStoreError) as caught:
        store.records(["1"], ["area"])
    said = str(caught.value)
    assert said.startswith("the feature group 'houses' cannot be asked: An error occurred (")
    assert code in said
    assert said.endswith(remedy)
    assert "\n" not in said
    assert caught.value.status == 502


def test_a_group_that_is_not_there(group: Group) -> None:
    with pytest.raises(FeatureStoreError, match="Feature group cars not found; FEATURE_GROUP_NAME and AWS_REGION must"):
        OnlineStore("cars", "eu-west-1", 4).records(["1"], ["area"])


def test_without_a_region_credentials_or_a_network(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeatureStoreError, match=r"You must specify a region\.; set AWS_REGION to the group's region"):
        OnlineStore("houses", "", 4).records(["1"], ["area"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert OnlineStore("houses", "", 4).records(["1"], ["area"])
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME", address)
    with pytest.raises(FeatureStoreBusyError, match=r"Could not connect to the endpoint URL.*AWS_REGION must be"):
        OnlineStore("houses", "eu-west-1", 4).records(["1"], ["area"])
    for name in VARIABLES.keys() - {"AWS_EC2_METADATA_DISABLED"}:
        monkeypatch.delenv(name)
    with pytest.raises(FeatureStoreError, match="Unable to locate credentials; give the model an execution role"):
        OnlineStore("houses", "eu-west-1", 4).records(["1"], ["area"])


def test_a_list_is_no_value_of_a_column(group: Group, store: OnlineStore) -> None:
    group.records["1"]["rooms"] = ["3", "4"]
    with pytest.raises(DataError, match="the feature 'rooms' of the record '1' is a list, which no column holds; send"):
        store.records(["1"], ["area", "rooms"])


def test_several_threads_share_a_client(group: Group, store: OnlineStore) -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(store.records(["1"], ["area"]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"1": {"area": "1.5"}}] * 8
