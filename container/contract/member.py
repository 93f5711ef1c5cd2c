"""Several processes of one job on one host, one for each GPU: which of them this is, and how the others are started."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

_VARIABLE = "SAGEMAKER_XGBOOST_MEMBER"
_PATIENCE = 60.0
"""Seconds that the others have to end once this one has."""


@dataclass(frozen=True)
class Member:
    """One of ``count`` processes. The platform starts the first, of index 0, and that one the others."""

    index: int = 0
    count: int = 1

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """This process, as the first has written it down for the others."""
        index, _, count = environ.get(_VARIABLE, "").partition("/")
        return cls(int(index), int(count)) if index else cls()

    @property
    def leads(self) -> bool:
        """Whether this is the process that the platform has started: it logs, and writes what the platform reads."""
        return self.index == 0


SINGLE = Member()
"""A process that has the host to itself."""


@contextmanager
def accompanied(count: int) -> Iterator[None]:
    """Have ``count`` processes in all while the block runs: this one, and others that run what this one runs."""
    processes = [
        subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env={**os.environ, _VARIABLE: f"{index}/{count}"})
        for index in range(1, count)
    ]
    try:
        yield
        for process in processes:
            with suppress(subprocess.TimeoutExpired):  # the work is done and written; it is ended below
                process.wait(_PATIENCE)
    finally:
        for process in processes:
            process.kill()
            process.wait()
