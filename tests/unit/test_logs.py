"""Lines of the log: one for what is said again and again, and JSON where that is wanted."""

import json
import logging
import time
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import xgboost

from container import logs

log = logging.getLogger("test")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def refuse(message: str, request: str = "") -> None:
    log.warning("answered with 400: %s", message, extra={"request_id": request})


def test_what_is_said_again_within_a_second_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(sparing=True)
    for _ in range(313):
        refuse("no", "abc")
    assert capsys.readouterr().out == "WARNING: answered with 400: no (request abc)\n"
    logs.say_repeats()
    assert capsys.readouterr().out == ""
    logs.say_repeats(at_once=True)
    assert capsys.readouterr().out == (
        "WARNING: answered with 400: no … and 311 more in the last second (request abc)\n"
    )
    logs.say_repeats(at_once=True)
    assert capsys.readouterr().out == ""


def test_different_lines_are_all_printed_up_to_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(sparing=True)
    for number in range(12):
        refuse(str(number))
    logs.say_repeats(at_once=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:10] == [f"WARNING: answered with 400: {number}" for number in range(10)]
    assert lines[10:] == ["WARNING: answered with 400: 11 … and 1 more in the last second"]


def test_a_single_line_that_was_held_back_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure(sparing=True)
    now = time.monotonic()
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    refuse("no")
    refuse("no")
    monkeypatch.setattr(logs.time, "monotonic", lambda: now + 1)
    refuse("other")
    assert capsys.readouterr().out.splitlines() == [
        "WARNING: answered with 400: no",
        "WARNING: answered with 400: no",
        "WARNING: answered with 400: other",
    ]


def test_a_line_from_a_new_place_may_come_while_repeats_are_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(sparing=True)
    refuse("no")

    class Meanwhile(float):
        def __rsub__(self, now: float) -> float:  # as a thread does between two steps of the loop's
            logging.getLogger("test").warning("another")
            return 0.0

    (handler,) = logging.getLogger().handlers
    for place in handler._places.values():  # type: ignore[attr-defined]
        place.since = Meanwhile(place.since)
    logs.say_repeats()
    assert capsys.readouterr().out.splitlines() == ["WARNING: answered with 400: no", "WARNING: another"]


def test_others_may_say_the_same_again(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(sparing=True, of="container.")
    for _ in range(3):
        logging.getLogger("inference").info("a request")
        logging.getLogger("container.serving").warning("answered")
    logs.say_repeats(at_once=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("a request") == 3
    assert lines.count("WARNING: answered") == 1
    assert lines[-1] == "WARNING: answered … and 1 more in the last second"


def test_errors_and_the_access_log_are_printed_whatever_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(sparing=True)
    for _ in range(3):
        log.error("fault")
        log.info("access", extra={"every": True})
    assert capsys.readouterr().out.splitlines() == ["ERROR: fault", "access"] * 3


def test_what_is_told_in_passing_is_told_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(sparing=True)
    for number in range(3):
        log.info("unseen: %d", number)
    assert capsys.readouterr().out == "unseen: 0\n"


def test_training_prints_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    for _ in range(3):
        log.info("[0]\ttrain-rmse:1.0")
    assert capsys.readouterr().out == "[0]\ttrain-rmse:1.0\n" * 3


def test_json_lines_have_all_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    try:
        raise ValueError("a\nb")
    except ValueError:
        log.exception("it\nfailed", extra={"request_id": "abc", "fields": {"status": 500}})
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found.pop("traceback").endswith("ValueError: a\nb")
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "error",
        "logger": "test",
        "message": "it\nfailed",
        "request_id": "abc",
        "status": 500,
    }


def test_an_id_stands_on_the_first_line_of_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        raise ValueError
    except ValueError:
        log.exception("failed", extra={"request_id": "abc"})
    assert capsys.readouterr().out.splitlines()[0] == "ERROR: failed (request abc)"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_warning_of_xgboost_is_one_line_in_its_words_alone(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logs.configure(as_json=as_json)
    data = xgboost.DMatrix(np.ones((2, 1)), np.zeros(2), nthread=1)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)  # what came before this test put its own in its place
        logging.captureWarnings(True)
        with xgboost.config_context(verbosity=1):  # which a booster of another test may have set for all
            for _ in range(2):
                xgboost.Booster({"no_such": 3, "nthread": 1}, [data]).update(data, 0)
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)["message"] if as_json else line.removeprefix("WARNING: ")
    assert said == 'XGBoost: Parameters: { "no_such" } are not used.'


def test_other_warnings_keep_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("take care", UserWarning, stacklevel=1)
    assert "test_logs.py:" in capsys.readouterr().out
