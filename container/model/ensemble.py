"""The models of an ensemble: loaded together, and refused where one prediction cannot be made of theirs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from container.errors import ModelError
from container.model.artifact import FILE_NAME, Artifact, load, model_files

_SHOWN: dict[str, Callable[[Artifact], object]] = {
    "the objective": lambda one: one.objective,
    "the quantiles": lambda one: list(one.quantiles),
    "the expectiles": lambda one: list(one.expectiles),
    "the number of classes or targets": lambda one: one.outputs,
    "the number of columns": lambda one: len(one.schema.features),
}
_NAMED: dict[str, Callable[[Artifact], object]] = {
    "the names of the columns": lambda one: one.schema.names,
    "the names of the classes": lambda one: one.schema.classes,
    "the columns' kinds, categories or places": lambda one: one.schema,
}
"""What must be the same: with its values in the message where they are short, by name alone where they are long."""


def load_all(folder: Path) -> list[Artifact]:
    """Every model in a folder, to be served together.

    Raises:
        ModelError: there is none, one cannot be loaded, or they do not belong together.
    """
    return load_together(model_files(folder) or [folder / FILE_NAME])


def load_together(files: Sequence[Path]) -> list[Artifact]:
    """The models of an ensemble. They may be of different boosters: trees and linear ones predict the same.

    Raises:
        ModelError: one cannot be loaded, or they do not belong together.
    """
    loaded = [load(path) for path in files]
    for path, one in zip(files, loaded, strict=True):
        if (what := _difference(loaded[0], one)) is not None:
            raise ModelError(
                f"the models in {path.parent} are of different trainings: {files[0].name} and {path.name} differ in "
                f"{what}; keep those of one"
            )
    return loaded


def _difference(first: Artifact, other: Artifact) -> str | None:
    for what, of in _SHOWN.items():
        if of(first) != of(other):
            return f"{what}, {of(first)} and {of(other)}"
    return next((what for what, of in _NAMED.items() if of(first) != of(other)), None)
