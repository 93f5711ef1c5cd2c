"""Inference code of the user's: which program, where it is fetched from, and what it needs to be installed.

Source of the names: AWS's XGBoost image in script mode and the SageMaker SDKs, which set SAGEMAKER_PROGRAM to the
script and SAGEMAKER_SUBMIT_DIRECTORY to /opt/ml/model/code, to s3://…/sourcedir.tar.gz, or in local mode to a folder.
"""

import logging
import os
import site
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from container.contract import error_line, user_process
from container.contract.paths import OptMl
from container.contract.serving_env import ServingSettings
from container.errors import UserError, listing

REQUIREMENTS = "requirements.txt"

DEFAULT_ACCEPT = "application/json"
"""What AWS's image gives a script's hooks where neither the request nor a setting says more."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InferenceCode:
    """A script and the folder it lies in, which is first in the search path of its imports.

    ``accept`` is the content type that it answers in where a request names none.
    """

    folder: Path
    script: Path
    accept: str = DEFAULT_ACCEPT

    @classmethod
    def ready(cls, settings: ServingSettings, opt_ml: OptMl, environ: Mapping[str, str] = os.environ) -> Self | None:
        """Fetch the program that SAGEMAKER_PROGRAM names and install its requirements; None where none is named.

        Raises:
            UserError: the code cannot be fetched, is not there, or needs what cannot be installed.
        """
        if not settings.program:
            _tell_unused(settings, opt_ml)
            return None
        folder = _folder(settings.submit_directory.removeprefix("file://"), settings.region, opt_ml)
        named = Path(settings.program)
        # In local mode the SDKs name the script by its path on the user's machine.
        script = next((path for path in (folder / named, folder / named.name) if path.is_file()), None)
        if script is None:
            raise UserError(
                f"SAGEMAKER_PROGRAM: there is no {settings.program} in {folder}, which {_contents(folder)}; "
                "name the script, and in SAGEMAKER_SUBMIT_DIRECTORY where it lies"
            )
        _install(folder)
        sys.path[:0] = [str(path) for path in (folder, folder / "lib") if path.is_dir()]  # lib: the SDKs' dependencies
        return cls(folder, script, environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "").strip() or DEFAULT_ACCEPT)


def _tell_unused(settings: ServingSettings, opt_ml: OptMl) -> None:
    if settings.submit_directory:
        log.info(
            "no code is taken from SAGEMAKER_SUBMIT_DIRECTORY=%s, for SAGEMAKER_PROGRAM names no script; set it to one",
            settings.submit_directory,
        )
        return
    script = opt_ml.model / "code" / "inference.py"
    # Where the folder cannot be read, whoever reads the model says so.
    if os.access(script, os.F_OK) and script.is_file():
        log.info("%s is not run, for nothing asks for it; set SAGEMAKER_PROGRAM=%s to", script, script.name)


def _folder(source: str, region: str, opt_ml: OptMl) -> Path:
    """The folder with the code, after fetching or unpacking it where ``source`` is an archive."""
    if not source:
        beside = opt_ml.model / "code"
        return beside if beside.is_dir() else opt_ml.code
    if Path(source).is_dir():
        return Path(source)
    if opt_ml.code.is_dir() and any(opt_ml.code.iterdir()):
        log.info("using the code in %s", opt_ml.code)
        return opt_ml.code
    if source.startswith("s3://"):
        with tempfile.TemporaryDirectory() as place:
            archive = Path(place) / "sourcedir.tar.gz"
            _download(source, region, archive)
            return _unpacked(archive, source, opt_ml)
    return _unpacked(Path(source), source, opt_ml)


def _download(source: str, region: str, archive: Path) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found what
    bucket, _, key = source.removeprefix("s3://").partition("/")
    # A start has eight minutes; boto3 alone would try an S3 that does not answer for five.
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        boto3.client("s3", region_name=region or None, config=config).download_file(bucket, key, str(archive))
    except (BotoCoreError, ClientError, ValueError, OSError) as error:
        raise UserError(
            f"SAGEMAKER_SUBMIT_DIRECTORY: the code cannot be fetched from {source}: {error}; "
            "it must exist, and the model's role and network must be able to read it"
        ) from None


def _unpacked(archive: Path, source: str, opt_ml: OptMl) -> Path:
    try:
        opened = tarfile.open(archive)  # noqa: SIM115  # its errors are not those of the unpacking
    except (tarfile.TarError, EOFError, zlib.error):
        raise UserError(
            f"SAGEMAKER_SUBMIT_DIRECTORY: {source} is no tar.gz archive; pack it as tar -czf does"
        ) from None
    except OSError as error:
        raise UserError(
            f"SAGEMAKER_SUBMIT_DIRECTORY: the code cannot be read from {source}: {error.strerror}; "
            "give an s3:// address, a tar.gz archive or a folder"
        ) from None
    with opened as tar:
        folder = _writable(opt_ml.code)
        try:
            tar.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise UserError(
                f"SAGEMAKER_SUBMIT_DIRECTORY: {source} cannot be unpacked into {folder}: {error}; "
                "pack it again, or free space there"
            ) from None
    return folder


def _writable(folder: Path) -> Path:
    """The folder, or where it cannot be written to, as on a read-only root, one that is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="code-"))
    return folder


def _contents(folder: Path) -> str:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return f"has {listing(files)}" if files else "is empty" if folder.is_dir() else "does not exist"


def _install(folder: Path) -> None:
    """pip install -r requirements.txt, where there is one, from within the folder.

    Where the environment itself cannot be written to, pip turns to the user's own packages; those are given a place
    that can.
    """
    if not (folder / REQUIREMENTS).is_file():
        return
    base = os.environ.setdefault("PYTHONUSERBASE", str(Path(tempfile.gettempdir()) / "packages"))
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir"]
    if sys.prefix == sys.base_prefix:
        command.append("--root-user-action=ignore")
    log.info("installing %s", folder / REQUIREMENTS)
    with user_process.keep_stderr() as stderr:
        ended = subprocess.run([*command, "-r", REQUIREMENTS], cwd=folder)
    if ended.returncode:
        lines = stderr.lines
        unreachable = "; no package index can be reached" if any("connection broken" in line for line in lines) else ""
        raise UserError(
            f"pip: {error_line.pip_line(lines)} ({REQUIREMENTS} of the inference code{unreachable}); "
            "ask for what the endpoint's network can reach, or put wheels beside it"
        )
    packages = sysconfig.get_path("purelib", f"{os.name}_user", {"userbase": base})
    if packages not in sys.path and Path(packages).is_dir():
        known = len(sys.path)
        site.addsitedir(packages)
        sys.path[:0] = [sys.path.pop() for _ in range(len(sys.path) - known)][::-1]  # before the image's own
