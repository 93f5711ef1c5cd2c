"""Golden cases of a multi-model endpoint: in a setup, ``models:a=houses,b=counts`` loads golden models by these names.

The names are percent-encoded. A model's URL is the golden model's name, a folder of that name being where it is
looked for; beside them there are ``empty``, ``damaged`` and ``pickled``.
"""

import atexit
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from flask import Flask

from container.contract.serving_env import ServingSettings
from container.serving.multi_model.control import Control
from container.serving.multi_model.fast import FastModels
from container.serving.multi_model.models import Models
from container.serving.multi_model.registry import Registry
from container.serving.multi_model.routes import create_app

PREFIX = "models:"
_GOLDEN = Path(__file__).parent / "models"


class Many(NamedTuple):
    """What answers: without Flask, and with it."""

    fast: FastModels
    app: Flask


@contextmanager
def loaded(setup: str, settings: ServingSettings) -> Iterator[Many]:
    """A server's insides, in one process, with the models that a setup names."""
    with chdir(_folders()):
        registry = Registry.create()
        try:
            models = Models(settings)
            control = Control(registry, models, settings)
            for pair in filter(None, setup.removeprefix(PREFIX).split(",")):
                name, _, url = pair.partition("=")
                control.load(unquote(name), url)
            yield Many(FastModels(models, settings), create_app(control, models, settings))
        finally:
            registry.remove()


@cache
def _folders() -> Path:
    root = Path(tempfile.mkdtemp(prefix="golden-"))
    atexit.register(shutil.rmtree, root)
    for file in _GOLDEN.glob("*.ubj"):
        (root / file.stem).mkdir()
        shutil.copy(file, root / file.stem / "xgboost-model")
    for name, data in {
        "empty": None,
        "damaged": (_GOLDEN / "houses.ubj").read_bytes()[:1000],
        "pickled": pickle.dumps({}),
    }.items():
        (root / name).mkdir()
        if data is not None:
            (root / name / "xgboost-model").write_bytes(data)
    return root
