"""The server of a multi-model endpoint: no model at first, and workers that tell each other of those that come."""

import logging
import os
from typing import Any

from container.contract.serving_env import ServingSettings
from container.errors import UserError
from container.model import outputs
from container.serving import negotiation, server
from container.serving.metrics import Metrics
from container.serving.multi_model.control import Control
from container.serving.multi_model.fast import FastModels
from container.serving.multi_model.models import Models
from container.serving.multi_model.names import LONGEST_LINE
from container.serving.multi_model.registry import Registry
from container.serving.multi_model.routes import create_app

log = logging.getLogger(__name__)


def serve(settings: ServingSettings) -> None:
    """Serve until SIGTERM.

    Raises:
        UserError: the default content type of replies is none that can be written, or no model has the keys to reply
            with.
        ContainerError: there is no place for what the workers share.
    """
    negotiation.default_type(settings.default_accept)
    try:
        outputs.check_known(settings.output)
    except UserError as error:
        raise UserError(f"SAGEMAKER_INFERENCE_OUTPUT: {error}") from None
    registry = Registry.create()
    owner = os.getpid()
    try:
        models = Models(settings)
        control = Control(registry, models, settings)
        metrics = Metrics(settings.workers, {"endpoint": "multi-model"}) if settings.metrics else None
        app = create_app(control, models, settings, metrics)
        server.run(app, settings, FastModels(models, settings), metrics, _options(control))
    finally:
        if os.getpid() == owner:  # and not a worker that ends
            registry.remove()


def _options(control: Control) -> dict[str, Any]:
    def join(worker: Any) -> None:
        with server.signs_of_life(worker):
            control.join()

    return {"post_worker_init": join, "limit_request_line": LONGEST_LINE}
