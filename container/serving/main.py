"""`serve`: settings, then the model, then the server; what is wrong is said in one line and the exit code."""

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from container import logs
from container.contract import allocator, command, libraries, threads
from container.contract.inference_code import InferenceCode
from container.contract.paths import OptMl
from container.contract.resources import usable_cpus
from container.contract.serving_env import ServingSettings
from container.errors import ContainerError

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] = ()) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code where it does not come to serving."""
    # As process 1 the kernel ignores SIGTERM until there is a handler; gunicorn sets its own later.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    logs.configure()
    if command.helps("serve", arguments, OptMl.from_env()):
        return 0
    # A worker is forked from this process, and an OpenMP team does not survive a fork: its children would hang.
    threads.limit_native(1)
    try:
        settings = ServingSettings.from_env()
        allocator.bound(at_once=settings.multi_model)
        _serve(settings, OptMl.from_env())
    except ContainerError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def _serve(settings: ServingSettings, folders: OptMl) -> None:
    logs.configure(settings.log_level, as_json=settings.json_log)
    code = InferenceCode.ready(settings, folders)
    # Imported here: they bring numpy and xgboost, which read the thread limit as they are loaded.
    if settings.multi_model:
        libraries.without_extras()
        from container.serving.multi_model import start

        start.serve(settings)
    elif code is not None:
        from container.serving.scripted import boot

        boot.serve(code, settings, folders)
    else:
        _serve_model(settings, folders)


def _serve_model(settings: ServingSettings, folders: OptMl) -> None:
    libraries.without_extras()
    from container.model import folder
    from container.model.predictor import Predictor
    from container.serving import online, server
    from container.serving.app import create_app
    from container.serving.fast import FastPath
    from container.serving.metrics import Metrics
    from container.serving.service import ModelService

    files, models = folder.load(folders.model, ensemble=settings.ensemble)
    predictor = Predictor(*models, native=settings.native, threads=usable_cpus())
    service = online.around(ModelService(predictor, settings), settings, predictor.schema)
    objective, features = models[0].objective, len(models[0].schema.features)
    about = {"objective": objective, "features": str(features), "models": str(len(models))}
    metrics = Metrics(settings.workers, about) if settings.metrics else None
    names = ", ".join(path.name for path in files)
    served = f"the ensemble of {len(models)} models {names}" if len(models) > 1 else names
    log.info("serving %s: %s, %d features", served, objective, features)
    server.run(create_app(service, settings, metrics), settings, FastPath(predictor, settings), metrics)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
