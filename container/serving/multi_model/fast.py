"""What needs no Flask on a multi-model endpoint; see `container.serving.fast`."""

from collections.abc import Sequence

from container.contract.serving_env import ServingSettings
from container.serving import negotiation
from container.serving.fast import Handler, Reply, ping, plain, wanted
from container.serving.multi_model import names
from container.serving.multi_model.models import Models


class FastModels:
    """Answers for all models of a process."""

    def __init__(self, models: Models, settings: ServingSettings) -> None:
        self._models, self._default = models, negotiation.default_type(settings.default_accept)

    def handler(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Handler | None:
        """See `container.serving.fast.Fast`."""
        found = plain(headers)
        if found is None:
            return None
        if (method, target) == ("GET", "/ping"):
            return ping
        name = names.invoked(target) if method == "POST" else None
        if name is None or (asked := wanted(found, self._default)) is None:
            return None

        def answer(body: bytes) -> Reply | None:
            # Looked up each time: handlers are kept, and would keep a model's memory.
            model = self._models.get(name)
            return None if model is None else model.fast.predict(body, asked)

        return answer
