"""Several hosts as one: who they are, what they tell each other, and how they fail together.

XGBoost's own collective carries histograms and what the hosts have to agree on; its tracker runs on the
first host by name. A second, small connection from every host to that one carries signs of life, since a
collective waits for a slow host as long as for a dead one.
"""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from container.contract.job import Resources
from container.contract.member import SINGLE, Member
from container.errors import ContainerError
from container.training.hosts.liveness import Liveness

log = logging.getLogger(__name__)

PORT = 9099
"""Where the first host listens for the others, and tells them the tracker's port."""

JOIN_SECONDS = 600.0
"""Hosts of a job start minutes apart."""


VERDICT_SECONDS = 3.0

_kept: list[Any] = []
"""The tracker of a job that fails: where it is let go before the others are, XGBoost logs that with a C++ stack."""


class ClusterError(ContainerError):
    """The hosts cannot work together: one was not found, did not answer, or has failed."""


@dataclass(frozen=True)
class Cluster:
    """This host among all, in the order of their names. The default is a host alone.

    Where a host has several GPUs, each has a process that counts as a host here: ``members`` in a row are on one.
    """

    hosts: tuple[str, ...] = ("algo-1",)
    rank: int = 0
    members: int = 1

    @property
    def size(self) -> int:
        return len(self.hosts)

    @property
    def member(self) -> int:
        """Which of the host's processes this is, from 0."""
        return self.rank % self.members

    def is_apart(self, rank: int) -> bool:
        """Whether the process of that rank is on another host."""
        return rank // self.members != self.rank // self.members

    def speaks_for_another(self, rank: int) -> bool:
        """Whether that process is the one whose word counts for another host."""
        return self.is_apart(rank) and rank % self.members == 0

    @property
    def leads(self) -> bool:
        """Whether this host writes what is written once."""
        return self.rank == 0

    def gather(self, value: Any) -> list[Any]:
        """Every host's value, in the order of the hosts; values are what JSON can carry."""
        if self.size == 1:
            return [value]
        from xgboost import collective

        return [json.loads(collective.broadcast(json.dumps(value), root)) for root in range(self.size)]

    def from_leader(self, data: bytes | None) -> bytes | None:
        """The leader's bytes, on every host."""
        if self.size == 1:
            return data
        from xgboost import collective

        sent: tuple[bytes | None] = collective.broadcast((data,), 0)
        return sent[0]

    def gather_arrays(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Every host's array, in the order of the hosts."""
        if self.size == 1:
            return [values]
        from xgboost import collective

        return [collective.broadcast(values, root) for root in range(self.size)]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over all hosts, element by element."""
        if self.size == 1:
            return values
        from xgboost import collective

        return np.asarray(collective.allreduce(np.ascontiguousarray(values), collective.Op.SUM))

    def any(self, flag: bool) -> bool:
        """Whether it holds on at least one host."""
        return (self.size > 1 and bool(self.total(np.array([float(flag)]))[0])) or flag


ALONE = Cluster()
"""A host that has no others."""


@contextmanager
def joined(
    resources: Resources, fail: Callable[[str], None], member: Member = SINGLE, seconds: float = JOIN_SECONDS
) -> Iterator[Cluster]:
    """The cluster of a job's hosts, for as long as the block runs; a host alone joins nothing.

    Every host must have as many processes as this ``member``'s.

    Where a host is lost or fails while the block runs, ``fail`` is called from another thread with the
    reason, and must end the process: this one may be waiting inside the collective.

    Raises:
        ClusterError: the first host is not found or does not answer in ``seconds``.
    """
    names = sorted(resources.hosts)
    hosts = tuple(f"{name} GPU {i}" if i else name for name in names for i in range(member.count))
    if len(hosts) == 1:
        yield Cluster(hosts)
        return
    from xgboost import collective
    from xgboost.core import XGBoostError
    from xgboost.tracker import RabitTracker

    cluster = Cluster(hosts, names.index(resources.current_host) * member.count + member.index, member.count)
    deadline = time.monotonic() + seconds
    address = resolve(hosts[0], deadline)
    tracker = None
    beside = [name for rank, name in enumerate(hosts) if not cluster.is_apart(rank)]
    liveness = Liveness(hosts, cluster.rank, (address, PORT), fail, beside=beside)
    if cluster.leads:
        tracker = RabitTracker(host_ip=address, n_workers=len(hosts), sortby="task")
        tracker.start()
        port = int(tracker.worker_args()["dmlc_tracker_port"])
        liveness.lead(deadline, {"tracker": port})
    else:
        port = int(liveness.follow(deadline)["tracker"])
    log.info("Host %s of %s: %s; the first is %s", cluster.rank + 1, len(hosts), resources.current_host, hosts[0])
    try:
        with _communicator(address, port, f"{cluster.rank:06d}", deadline):
            if collective.get_rank() != cluster.rank:
                raise ClusterError(
                    f"{resources.current_host} was given the place {collective.get_rank()}, not {cluster.rank}; "
                    "two hosts have the same name"
                )
            yield cluster
            cluster.gather(None)  # nobody leaves while another still needs it
    except BaseException as error:
        _kept.append(tracker)
        if any(isinstance(e, XGBoostError) for e in (error, error.__context__)):
            # The collective breaks on every host when one is lost, and liveness is about to say which.
            time.sleep(VERDICT_SECONDS)
        liveness.leave(error)
        raise
    liveness.leave(None)
    if tracker is not None:
        tracker.wait_for(60)


def resolve(host: str, deadline: float) -> str:
    """The host's IPv4 address; names of hosts that are still starting are asked for again.

    Raises:
        ClusterError: it is not known by then.
    """
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            if time.monotonic() >= deadline:
                raise ClusterError(f"the host {host} is not found: {error}; do all hosts run?") from None
            time.sleep(1)


@contextmanager
def _communicator(address: str, port: int, task: str, deadline: float) -> Iterator[None]:
    """Joins the collective, trying again while the tracker is not there yet."""
    import xgboost
    from xgboost import collective

    context = collective.CommunicatorContext(
        dmlc_tracker_uri=address,
        dmlc_tracker_port=port,
        dmlc_task_id=task,
        dmlc_retry=10,
        # Liveness says who is dead; the collective only waits, for a host may read for an hour.
        dmlc_timeout=24 * 3600,
    )
    while True:
        try:
            context.__enter__()
            break
        except xgboost.core.XGBoostError as error:
            if time.monotonic() >= deadline:
                raise ClusterError(f"the hosts cannot meet at {address}: {str(error).splitlines()[0]}") from None
            time.sleep(1)
    try:
        yield
    finally:
        # After a failure the others may be gone, and to say goodbye would wait for them.
        import sys

        if sys.exc_info()[0] is None:
            context.__exit__(None, None, None)
