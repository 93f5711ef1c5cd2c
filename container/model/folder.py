"""A folder with a model in it, from here or from elsewhere: which files are the model, and which are none."""

import logging
from pathlib import Path

from container.errors import ModelError, listing
from container.model import model_bytes
from container.model.artifact import FILE_NAME, Artifact, model_files
from container.model.ensemble import load_together

log = logging.getLogger(__name__)


def load(folder: Path, *, ensemble: bool = True) -> tuple[list[Path], list[Artifact]]:
    """The models to serve and their files; without ``ensemble`` only the first.

    Raises:
        ModelError: there is none, one cannot be loaded, or they do not belong together.
    """
    files = find(folder)
    _tell_strays(folder, files)
    files = files if ensemble else files[:1]
    return files, load_together(files)


def find(folder: Path) -> list[Path]:
    """The files that are the model.

    Raises:
        ModelError: there are none, or the folder cannot be read.
    """
    try:
        return model_files(folder) or _by_content(folder)
    except OSError as error:
        raise ModelError(f"the model folder {folder} cannot be read: {error.strerror}; check its permissions") from None


def _by_content(folder: Path) -> list[Path]:
    """Whatever files are models, by name.

    Raises:
        ModelError: there are none.
    """
    heads = {path: _head(path) for path in sorted(folder.glob("*")) if path.is_file()}
    found = [path for path, head in heads.items() if model_bytes.is_model(head)]
    if found:
        return found
    for path, head in heads.items():
        if model_bytes.is_pickle(head) or model_bytes.is_old_binary(head):
            raise ModelError(model_bytes.refusal(head, path))
    beside = f", among {listing(tuple(path.name for path in heads), 5)}" if heads else ""
    deeper = next((path for path in sorted(folder.glob(f"*/{FILE_NAME}*")) if path.is_file()), None)
    if deeper is not None:
        raise ModelError(
            f"the model {deeper} is a folder too deep; pack model.tar.gz from within {deeper.parent.name}/"
        )
    raise ModelError(f"there is no model file {folder / FILE_NAME}{beside}; train one, or unpack model.tar.gz there")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(model_bytes.HEAD)
    except OSError as error:
        raise ModelError(f"the file {path} cannot be read: {error.strerror}; check its permissions") from None


def _tell_strays(folder: Path, files: list[Path]) -> None:
    strays = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir() if path not in files)
    if strays:
        log.info("ignored beside the model: %s", listing(tuple(strays)))
