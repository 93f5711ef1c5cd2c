"""When a job runs a program of the user's, and which."""

from pathlib import Path

import pytest

from container.contract.job import Resources, TrainingJob
from container.contract.paths import OptMl
from container.contract.script_mode import Script
from container.errors import UserError


def find(root: Path, hyperparameters: dict[str, str], environ: dict[str, str] | None = None) -> Script | None:
    return Script.of(TrainingJob({}, Resources(), hyperparameters), OptMl(root), environ or {})


@pytest.mark.parametrize("quoted", ["fit.py", '"fit.py"'])
def test_hyperparameter_names_the_program(tmp_path: Path, quoted: str) -> None:
    script = find(tmp_path, {"sagemaker_program": quoted}, {"SAGEMAKER_PROGRAM": "inference.py"})
    assert script == Script("fit.py", str(tmp_path / "code"))


def test_variables_name_what_hyperparameters_do_not(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_PROGRAM": "fit.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/key"}
    assert find(tmp_path, {}, environ) == Script("fit.py", "s3://bucket/key")


@pytest.mark.parametrize(
    ("files", "found"), [(["train.py"], True), (["inference.py"], False), ([], False), (["train.py/a"], False)]
)
def test_train_py_in_the_code_folder_is_a_program(tmp_path: Path, files: list[str], found: bool) -> None:
    for file in files:
        path = tmp_path / "code" / file
        path.parent.mkdir(parents=True)
        path.touch()
    assert (find(tmp_path, {}) is not None) == found


@pytest.mark.parametrize("name", ["", "7", "[]", "null"])
def test_a_program_of_any_name(tmp_path: Path, name: str) -> None:
    """JSON or not, it is the text that counts."""
    script = find(tmp_path, {"sagemaker_program": name})
    assert (script and script.program) == (name or None)


def test_archive_in_the_channel_code_is_the_source(tmp_path: Path) -> None:
    archive = tmp_path / "input/data/code/sourcedir.tar.gz"
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert find(tmp_path, {"sagemaker_program": "fit.py"}) == Script("fit.py", str(archive))
    given = {"sagemaker_program": "fit.py", "sagemaker_submit_directory": '"s3://bucket/key"'}
    assert find(tmp_path, given) == Script("fit.py", "s3://bucket/key")


def test_source_without_a_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is source code in s3://bucket/key, but no program to run; name it in"):
        find(tmp_path, {"sagemaker_submit_directory": "s3://bucket/key"})
