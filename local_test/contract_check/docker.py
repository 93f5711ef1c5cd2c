"""The containers and volumes of one check: made, fed and read through the `docker` client, and all removed.

Files go in and out by `docker cp`, never by a folder of this machine: none is left here that root owns, and the engine
may see other folders than this program does.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import uuid
from collections.abc import Mapping
from typing import Any

from contract_check.interruption import Interruption

Tree = Mapping[str, bytes]
"""Files by their path below a folder."""


class DockerError(Exception):
    """The client failed; the message is what it said."""


class Docker:
    """The engine; what is made through it is removed when the block ends."""

    def __init__(self, interruption: Interruption | None = None, patience: float = 300) -> None:
        """``patience``: seconds that the engine may take for one call."""
        self._interruption = interruption or Interruption()
        self._patience = patience
        self._label = f"contract-check={os.getpid()}-{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> Docker:
        return self

    def __exit__(self, *error: object) -> None:
        self._interruption.ignore()
        mine = f"label={self._label}"
        for container in self.call("ps", "--all", "--quiet", "--filter", mine).split():
            self.try_("rm", "--force", "--volumes", container)
        for volume in self.call("volume", "ls", "--quiet", "--filter", mine).split():
            self.try_("volume", "rm", "--force", volume)

    def run(
        self, *arguments: str, input: bytes | None = None, seconds: float | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """The client's end, whatever its exit code. In a session of its own, since Ctrl-C is for this program."""
        return subprocess.run(
            ["docker", *arguments],
            # Without input it gets an empty one, not this program's.
            input=input or b"",
            capture_output=True,
            start_new_session=True,
            timeout=seconds or self._patience,
        )

    def call(self, *arguments: str, input: bytes | None = None) -> str:
        """What the client prints.

        Raises:
            DockerError: it failed.
        """
        try:
            done = self.run(*arguments, input=input)
        except subprocess.TimeoutExpired as error:
            raise DockerError(f"no answer to {' '.join(arguments[:2])} in {error.timeout:g} s") from None
        if done.returncode:
            raise DockerError(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode(errors="replace").strip()

    def try_(self, *arguments: str) -> str:
        """What the client prints; nothing where it fails."""
        try:
            return self.call(*arguments)
        except DockerError:
            return ""

    def image(self, name: str) -> dict[str, Any]:
        """What the engine knows of an image.

        Raises:
            DockerError: there is no such image here, or no engine answers.
        """
        (found,) = json.loads(self.call("image", "inspect", name))
        return dict(found)

    def create(self, image: str, command: tuple[str, ...], *options: str) -> Container:
        """A container that has not been started."""
        with self._interruption.held():
            name = self.call("create", "--label", self._label, *options, image, *command)
        return Container(self, name)

    def volume(self, image: str, tree: Tree) -> str:
        """A volume with these files, which any user may write to; its name."""
        with self._interruption.held():
            name = self.call("volume", "create", "--label", self._label)
        feeder = self.create(image, ("never-started",), "--volume", f"{name}:/volume")
        feeder.write("/volume", tree)
        feeder.remove()
        return name


class Container:
    """One container, by its id."""

    def __init__(self, docker: Docker, name: str) -> None:
        self._docker, self.name = docker, name
        self.refused = ""
        """Why the engine could not start it; empty where it could."""

    def start(self) -> None:
        """Start it; where that fails, `refused` says why."""
        try:
            self._docker.call("start", self.name)
        except DockerError as error:
            self.refused = str(error)

    def write(self, folder: str, tree: Tree) -> None:
        """Put files below a folder that exists."""
        self._docker.call("cp", "-", f"{self.name}:{folder}", input=pack(tree))

    def read(self, path: str) -> Tree:
        """The files at or below a path, by their path below its parent; none where there is nothing."""
        done = self._docker.run("cp", "--follow-link", f"{self.name}:{path}", "-")
        return {} if done.returncode else unpack(done.stdout)

    def executable(self, path: str) -> bytes | None:
        """The content of a file that may be executed; None where there is none."""
        done = self._docker.run("cp", "--follow-link", f"{self.name}:{path}", "-")
        if done.returncode:
            return None
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            entry = tar.next()
            file = tar.extractfile(entry) if entry and entry.isfile() and entry.mode & 0o111 else None
            return file.read() if file else None

    def logs(self) -> str:
        """Both streams so far, and why it was not started."""
        done = self._docker.run("logs", self.name)
        return self.refused + (done.stdout + done.stderr).decode(errors="replace")

    def running(self) -> bool:
        return self._docker.try_("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None where it still runs after so many seconds, 127 where it was never started."""
        if self.refused:
            return 127
        try:
            return int(self._docker.run("wait", self.name, seconds=seconds).stdout)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """SIGTERM to process 1."""
        self._docker.try_("kill", "--signal", "TERM", self.name)

    def port(self, number: int) -> int:
        """The port of this machine that leads to one of the container; 0 once it has ended."""
        lines = self._docker.try_("port", self.name, f"{number}/tcp").splitlines()
        return int(lines[0].rpartition(":")[2]) if lines else 0

    def process_one(self) -> str:
        """The command line of process 1; nothing once it has ended."""
        number = self._docker.try_("inspect", "--format", "{{.State.Pid}}", self.name)
        lines = (line.split(None, 1) for line in self._docker.try_("top", self.name, "-eo", "pid,args").splitlines())
        return next((words[1] for words in lines if words[0] == number and len(words) > 1), "")

    def remove(self) -> None:
        self._docker.try_("rm", "--force", "--volumes", self.name)


def pack(tree: Tree) -> bytes:
    """A tar archive of the files; a path that ends in / is a folder."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        folders = {
            "/".join(parts[:depth]) for path in tree for parts in [path.split("/")] for depth in range(1, len(parts))
        }
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(entry)
        for path, content in tree.items():
            if not path.endswith("/"):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def unpack(archive: bytes) -> Tree:
    """The files in a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}  # type: ignore[union-attr]
