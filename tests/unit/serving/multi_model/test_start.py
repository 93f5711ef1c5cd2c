"""A worker of a multi-model endpoint begins."""

from threading import Event

import pytest

from container.contract.serving_env import ServingSettings
from container.errors import UserError
from container.serving.multi_model import start


class Worker:
    """In the place of gunicorn's: replaced where it gives no sign of life."""

    def __init__(self) -> None:
        self.alive = Event()

    def notify(self) -> None:
        self.alive.set()


class Slow:
    """In the place of `Control`: a single model that takes long to load."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.joined = False

    def join(self) -> None:
        for _ in range(2):
            self._worker.alive.clear()
            assert self._worker.alive.wait(30)
        self.joined = True


def test_it_gives_signs_of_life_while_one_model_loads() -> None:
    worker = Worker()
    control = Slow(worker)
    start._options(control)["post_worker_init"](worker)  # type: ignore[arg-type]
    assert control.joined
    worker.alive.clear()
    assert not worker.alive.wait(1.5)  # from now on the loop gives them


def test_keys_that_no_model_has_are_refused_before_any_is_loaded() -> None:
    with pytest.raises(UserError, match=r"^SAGEMAKER_INFERENCE_OUTPUT: no model has an output 'scores'; ask "):
        start.serve(ServingSettings(workers=1, multi_model=True, output=("scores",)))
