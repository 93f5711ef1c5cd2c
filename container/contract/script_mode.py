"""Script mode: the job trains with a program of the user's, fetched and set up by sagemaker-training.

Source: the sagemaker-training toolkit, whose hyperparameters, variables and arguments these are. It is imported
in script mode only: its import creates /opt/ml/code, and nothing else here needs it. What it does not do is done
here: it passes no signal on to the program, and tells of an error only ``ExitCode 1``.
"""

import gzip
import json
import logging
import os
import shlex
import socket
import tarfile
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from container.contract import error_line, user_process
from container.contract.job import Resources, TrainingJob
from container.contract.outcome import FAILURE_REASON_CHARACTERS, SIGNALS, StoppedError
from container.contract.paths import OptMl
from container.errors import ContainerError, UserError, listing

DEFAULT_PROGRAM = "train.py"
"""Run without being named where it lies in /opt/ml/code, as in an image that was built upon this one."""

HOSTS_SECONDS = 15 * 60
"""How long the other hosts of a job may take to come up; as long as the toolkit waits."""

_log = logging.getLogger(__name__)


class ScriptError(UserError):
    """The user's program failed; the job ends with its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Script:
    """``program`` is a path below /opt/ml/code; ``source`` what that folder is filled from where it is empty."""

    program: str
    source: str

    @classmethod
    def of(cls, job: TrainingJob, opt_ml: OptMl, environ: Mapping[str, str] = os.environ) -> Self | None:
        """The program that the job names, or its image has; None where there is none.

        Raises:
            UserError: the job gives source code, and no name of the program in it.
        """
        program = _given("sagemaker_program", job, environ)
        source = _given("sagemaker_submit_directory", job, environ)
        if not program and (opt_ml.code / DEFAULT_PROGRAM).is_file():
            program = DEFAULT_PROGRAM
        if program:
            archive = opt_ml.channel("code") / "sourcedir.tar.gz"  # for want of S3 in network isolation
            return cls(program, source or str(archive if archive.is_file() else opt_ml.code))
        if source:
            raise UserError(
                f"there is source code in {source}, but no program to run; "
                f"name it in the hyperparameter sagemaker_program, such as {DEFAULT_PROGRAM}"
            )
        return None


def run(script: Script, job: TrainingJob, opt_ml: OptMl) -> None:
    """Fetch the user's code, install what it needs, and run the program to its end.

    Raises:
        UserError: the code cannot be fetched or set up.
        ScriptError: the program failed; the message is its own.
        StoppedError: the job was told to stop, and the program did not handle that.
    """
    program, folder = script.program, opt_ml.code
    os.environ |= {"SAGEMAKER_BASE_DIR": str(opt_ml.root), "SAGEMAKER_PROGRAM": program}
    _complete(job, opt_ml)
    try:
        from sagemaker_training import environment, process
    except ImportError:
        raise UserError(
            f"{program} cannot be run: sagemaker-training is not installed; pip install sagemaker-training"
        ) from None
    logging.getLogger("sagemaker-training-toolkit").setLevel(logging.WARNING)  # it lists all that it does not find

    settings = environment.Environment()
    if settings.additional_framework_parameters.get("sagemaker_mpi_enabled"):
        raise UserError("sagemaker_mpi_enabled: there is no MPI in this image; use XGBoost's own collective")
    _fetch(script.source, folder)
    _install(program, folder)
    environment.write_env_vars(settings.to_env_vars())
    _wait_for(job.resources)
    command = process.ProcessRunner(program, settings.to_cmd_args(), {}, 1)._create_command()
    _log.info("Running %s in %s", shlex.join(command), folder)
    with user_process.keep_stderr() as stderr:
        ended = user_process.run(command, folder, shell=command[0] == "/bin/sh")

    if ended.stopped and ended.code in {code for number in SIGNALS for code in (-number, 128 + number)}:
        raise StoppedError(f"stopped; {program} handles no SIGTERM, in which it could save its model")
    if ended.code:
        message = _own_words(opt_ml.failure) or error_line.reason(program, ended.code, stderr.lines, folder)
        raise ScriptError(message, ended.code if ended.code > 0 else 128 - ended.code)
    if not any(opt_ml.model.iterdir()) and job.resources.current_host == min(job.resources.hosts):
        _log.warning("%s wrote nothing into %s: the job has no model", program, opt_ml.model)


def _given(name: str, job: TrainingJob, environ: Mapping[str, str]) -> str:
    """A hyperparameter, JSON-quoted or not, or else the variable of its name; "" where it is in neither."""
    text = job.hyperparameters.get(name, "")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return (value if isinstance(value, str) else text) or environ.get(name.upper(), "")


def _complete(job: TrainingJob, opt_ml: OptMl) -> None:
    """Make the files and folders that a run by hand may lack: the toolkit, and many programs, need them all."""
    resources = job.resources
    defaults: dict[Path, object] = {
        opt_ml.hyperparameters: job.hyperparameters,
        opt_ml.input_data_config: {name: {"TrainingInputMode": of.input_mode} for name, of in job.channels.items()},
        opt_ml.resource_config: {
            "current_host": resources.current_host,
            "hosts": resources.hosts,
            "network_interface_name": resources.network_interface or "eth0",
        },
    }
    for path in (opt_ml.config, opt_ml.model, opt_ml.output_data):
        path.mkdir(parents=True, exist_ok=True)
    for path, content in defaults.items():
        if not path.exists():
            path.write_text(json.dumps(content))


def _fetch(source: str, folder: Path) -> None:
    """Unpack or copy the source code into ``folder``, unless there is some in it already."""
    from botocore.exceptions import BotoCoreError, ClientError
    from sagemaker_training import files

    if any(folder.iterdir()):
        _log.info("Using the code in %s", folder)
        return
    damaged = f"{source} is not a whole tar.gz archive{{}}; pack the source code again, as tar -czf does"
    try:
        if Path(source).is_file() and not tarfile.is_tarfile(source):
            raise UserError(damaged.format(""))
        files.download_and_extract(source, str(folder))
    except (BotoCoreError, ClientError) as error:
        raise UserError(
            f"the source code cannot be fetched from {source}: {error}; "
            "it must exist, and the job's role and network must be able to read it"
        ) from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(damaged.format(f": {error}")) from None
    except OSError as error:
        raise UserError(
            f"the source code cannot be read from {source}: {error.strerror}; "
            "give an s3:// address, a tar.gz archive or a folder"
        ) from None


def _install(program: str, folder: Path) -> None:
    """Install requirements.txt with pip, or where there is a setup.py, the code as a package."""
    from sagemaker_training import entry_point, errors

    if not (folder / program).is_file() and not (folder / "setup.py").is_file():
        there = tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
        raise UserError(
            f"there is no {program} in {folder}, which {f'has {listing(there)}' if there else 'is empty'}; "
            "name the program in sagemaker_program, and where its code is in sagemaker_submit_directory"
        )
    try:
        with user_process.keep_stderr() as stderr:
            entry_point.install(program, str(folder))
    except (errors.InstallRequirementsError, errors.InstallModuleError):
        raise UserError(
            f"pip: {error_line.pip_line(stderr.lines)} (requirements.txt or setup.py of the source code); "
            "ask for what the job's network can reach, or put wheels beside it"
        ) from None
    except errors.ClientError as error:  # a program's name that no shell should see
        raise UserError(str(error)) from None


def _wait_for(resources: Resources) -> None:
    """Wait until the other hosts of the job have addresses, for they come up at different times."""
    deadline = time.monotonic() + HOSTS_SECONDS
    for host in set(resources.hosts) - {resources.current_host}:
        while True:
            try:
                socket.gethostbyname(host)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ContainerError(f"the host {host!r} has no address: {error.strerror}") from None
                time.sleep(1)


def _own_words(failure: Path) -> str:
    """What the program itself wrote into the failure file."""
    try:
        return failure.read_text("utf-8", errors="replace")[:FAILURE_REASON_CHARACTERS].strip()
    except OSError:
        return ""
