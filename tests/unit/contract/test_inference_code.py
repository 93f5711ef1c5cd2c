"""Finding the user's inference code and unpacking it."""

import io
import sys
import tarfile
from pathlib import Path

import pytest

from container.contract import inference_code
from container.contract.inference_code import InferenceCode
from container.contract.paths import OptMl
from container.contract.serving_env import ServingSettings
from container.errors import UserError


@pytest.fixture(autouse=True)
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])


@pytest.fixture
def opt_ml(tmp_path: Path) -> OptMl:
    (tmp_path / "ml/model").mkdir(parents=True)
    return OptMl(tmp_path / "ml")


def put(folder: Path, name: str = "inference.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def ready(opt_ml: OptMl, source: str = "", program: str = "inference.py", **environ: str) -> InferenceCode:
    found = InferenceCode.ready(ServingSettings(program=program, submit_directory=source), opt_ml, environ)
    assert found is not None
    return found


def archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def test_without_a_program_there_is_none(opt_ml: OptMl, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert InferenceCode.ready(ServingSettings(), opt_ml) is None
    assert not caplog.messages
    put(opt_ml.model / "code")
    assert InferenceCode.ready(ServingSettings(), opt_ml) is None
    assert "set SAGEMAKER_PROGRAM=inference.py" in caplog.text


def test_a_directory_without_a_program_is_told(opt_ml: OptMl, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    put(opt_ml.model / "code")
    assert InferenceCode.ready(ServingSettings(submit_directory="s3://bucket/sourcedir.tar.gz"), opt_ml) is None
    (message,) = caplog.messages
    assert message == (
        "no code is taken from SAGEMAKER_SUBMIT_DIRECTORY=s3://bucket/sourcedir.tar.gz, "
        "for SAGEMAKER_PROGRAM names no script; set it to one"
    )


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_is_used_where_it_lies(opt_ml: OptMl, tmp_path: Path, scheme: str) -> None:
    script = put(tmp_path / "mine")
    put(tmp_path / "mine" / "lib" / "shared", "__init__.py")
    found = ready(opt_ml, f"{scheme}{tmp_path / 'mine'}")
    assert (found.folder, found.script) == (tmp_path / "mine", script)
    assert sys.path[:2] == [str(tmp_path / "mine"), str(tmp_path / "mine" / "lib")]


def test_without_a_directory_it_is_beside_the_model_or_in_the_image(opt_ml: OptMl) -> None:
    in_image = put(opt_ml.code)
    assert ready(opt_ml).script == in_image
    beside = put(opt_ml.model / "code")
    assert ready(opt_ml).script == beside


def test_a_script_below_the_folder_or_named_by_its_path_elsewhere(opt_ml: OptMl) -> None:
    below = put(opt_ml.model / "code", "src/serve_it.py")
    assert ready(opt_ml, program="src/serve_it.py").script == below
    top = put(opt_ml.model / "code")
    assert ready(opt_ml, program="/home/me/project/inference.py").script == top


def test_an_archive_is_unpacked(opt_ml: OptMl, tmp_path: Path) -> None:
    found = ready(opt_ml, str(archive(tmp_path / "sourcedir.tar.gz", "inference.py", "helper.py")))
    assert found.folder == opt_ml.code
    assert (opt_ml.code / "helper.py").is_file()


def test_code_that_is_there_is_not_fetched_again(opt_ml: OptMl) -> None:
    script = put(opt_ml.code)
    assert ready(opt_ml, "s3://bucket/not/asked/for.tar.gz").script == script


def test_on_a_read_only_root_it_is_unpacked_elsewhere(
    opt_ml: OptMl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(inference_code.tempfile, "tempdir", str(tmp_path))
    (opt_ml.root / "code").write_text("no folder can be made here")
    found = ready(opt_ml, str(archive(tmp_path / "sourcedir.tar.gz", "inference.py")))
    assert found.folder.parent == tmp_path
    assert found.script.is_file()


def test_an_archive_cannot_write_outside_of_the_folder(opt_ml: OptMl, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be unpacked into"):
        ready(opt_ml, str(archive(tmp_path / "sourcedir.tar.gz", "../outside.py")))
    assert not (opt_ml.root / "outside.py").exists()


@pytest.mark.parametrize(
    ("environ", "accept"),
    [({}, "application/json"), ({"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}, "text/csv")],
)
def test_what_it_answers_in_where_a_request_does_not_say(opt_ml: OptMl, environ: dict[str, str], accept: str) -> None:
    put(opt_ml.code)
    assert ready(opt_ml, **environ).accept == accept


def test_what_is_wrong_is_said(opt_ml: OptMl, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no inference\.py in .*/ml/code, which does not exist; name"):
        ready(opt_ml)
    put(opt_ml.code, "other.py")
    with pytest.raises(UserError, match=r"which has 'other\.py'; name the script, and in SAGEMAKER_SUBMIT_DIRECTORY"):
        ready(opt_ml)
    (opt_ml.code / "other.py").unlink()
    with pytest.raises(UserError, match="the code cannot be read from /no/where: No such file or directory; give"):
        ready(opt_ml, "/no/where")
    (tmp_path / "page.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match=r"page\.tar\.gz is no tar\.gz archive; pack it as tar -czf does"):
        ready(opt_ml, str(tmp_path / "page.tar.gz"))
    whole = archive(tmp_path / "cut.tar.gz", "inference.py", *map(str, range(2000))).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.tar\.gz cannot be unpacked into"):
        ready(opt_ml, str(tmp_path / "cut.tar.gz"))
