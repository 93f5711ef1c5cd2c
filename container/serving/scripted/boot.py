"""Putting a script into the server: what is made before the fork, and what each worker does after it."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.arbiter import Arbiter

from container.contract.inference_code import InferenceCode
from container.contract.paths import OptMl
from container.contract.resources import usable_cpus
from container.contract.serving_env import ServingSettings
from container.errors import ContainerError, ModelError
from container.model import folder
from container.model.predictor import Predictor
from container.serving import online, server
from container.serving.app import create_app
from container.serving.fast import FastPath
from container.serving.metrics import Metrics
from container.serving.scripted import hooks
from container.serving.scripted.service import Own, ScriptedService
from container.serving.service import ModelService

log = logging.getLogger(__name__)

Boot = Callable[[Any], None]
"""What a worker of gunicorn's does before it takes its first connection."""


def serve(code: InferenceCode, settings: ServingSettings, opt_ml: OptMl) -> None:
    """Serve with the script until SIGTERM. Raises as `assemble` does."""
    service, fast, boot = assemble(code, settings, opt_ml)
    log.info("serving with %s", code.script)
    metrics = Metrics(settings.workers, {"script": code.script.name}) if settings.metrics else None
    app = create_app(service, settings, metrics)
    # What the script says it may say as often as it likes.
    server.run(app, settings, fast, metrics, {"post_worker_init": boot}, spared="container.")


def assemble(code: InferenceCode, settings: ServingSettings, opt_ml: OptMl) -> tuple[ScriptedService, FastPath, Boot]:
    """The service, what may answer before it, and what each worker has to do first.

    The script is only read here. It is imported in the workers: what it starts, threads and connections, would not
    survive the fork. This image's own model is loaded here, so that the workers share its memory, unless the script
    has a model_fn.

    Raises:
        UserError: the script is no Python, or a setting does not fit the model.
    """
    own: Own | None = None
    without: ContainerError | None = None
    fast = FastPath(None, settings)
    if "model_fn" in hooks.names(code):
        without = ModelError(f"model_fn of {code.script.name} is no function; define it, or leave the name out")
    else:
        try:
            files, artifacts = folder.load(opt_ml.model, ensemble=settings.ensemble)
        except ModelError as error:
            without = error
        else:
            predictor = Predictor(*artifacts, native=settings.native, threads=usable_cpus())
            rows = ModelService(predictor, settings)
            own = Own(artifacts, predictor, rows, online.around(rows, settings, predictor.schema))
            fast = FastPath(predictor, settings)
            log.info("loaded %s: %s", ", ".join(path.name for path in files), artifacts[0].objective)
    service = ScriptedService(code, str(opt_ml.model), settings, own, without)

    def boot(worker: Any) -> None:
        with server.signs_of_life(worker):
            try:
                if service.load():
                    fast.only_pings()
            except ContainerError as error:
                log.error("%s", error)
                sys.exit(Arbiter.WORKER_BOOT_ERROR)  # ends the server: the next worker would fare no better

    return service, fast, boot
