"""The tree of a training job, as the platform lays it out below /opt/ml/input, and the data to check with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contract_check.docker import Tree

HOST = "algo-1"
OTHER_HOST = "algo-1-x7k2p"
"""A host's name in the SDK's local mode."""

UNKNOWN_FILES = ("init-config", "trainingjobconfig", "checkpointconfig", "metric-definition-regex", "not-invented-yet")


def _rows() -> list[str]:
    """Numbers, the target first, without a header: what the built-in XGBoost algorithm takes."""
    rows = []
    for i in range(200):
        a, b, c = i * 37 % 101 / 10, i * 53 % 89 / 10, i * 71 % 97 / 10
        rows.append(f"{3 * a - b + c / 2:.2f},{a},{b},{c}")
    return rows


@dataclass(frozen=True)
class Samples:
    """What training and requests are tried with. The defaults are for AWS's built-in XGBoost algorithm."""

    channels: Mapping[str, Tree] = field(default_factory=lambda: {"train": {"rows.csv": "\n".join(_rows()).encode()}})
    content_type: str = "text/csv"
    hyperparameters: Mapping[str, str] = field(
        default_factory=lambda: {"objective": "reg:squarederror", "num_round": "5"}
    )
    long_hyperparameters: Mapping[str, str] | None = field(
        default_factory=lambda: {"objective": "reg:squarederror", "num_round": "1000000"}
    )
    """A job that runs until it is stopped; None where there is none known."""
    request: bytes = field(default_factory=lambda: "\n".join(row.partition(",")[2] for row in _rows()[:10]).encode())

    def large_request(self, megabytes: float) -> bytes:
        """The lines of the request, repeated; other formats cannot be, and stay as they are."""
        if self.content_type not in ("text/csv", "application/jsonlines", "text/libsvm"):
            return self.request
        lines = self.request.rstrip(b"\n") + b"\n"
        return lines * max(1, int(megabytes * 1024 * 1024 / len(lines)))


def channels_in(folder: Path) -> dict[str, Tree]:
    """The channels in a folder: its folders, or where it has none, its files as the channel ``train``.

    Raises:
        OSError: a file cannot be read.
    """
    folders = [entry for entry in sorted(folder.iterdir()) if entry.is_dir()]
    return {entry.name: tree_in(entry) for entry in folders} if folders else {"train": tree_in(folder)}


def tree_in(folder: Path) -> Tree:
    """The files below a folder.

    Raises:
        OSError: a file cannot be read.
    """
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def job_tree(
    samples: Samples,
    hyperparameters: Mapping[str, str],
    conditions: frozenset[str] = frozenset(),
    damaged: bool = False,
) -> Tree:
    """The files below /opt/ml/input of a job under these conditions; ``damaged``: its data is no data of any format."""
    host = OTHER_HOST if "train-host-name" in conditions else HOST
    channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    if "train-no-content-type" not in conditions:
        channel["ContentType"] = samples.content_type
    resources: dict[str, object] = {"current_host": host, "hosts": [host], "network_interface_name": "eth0"}
    if "train-quoted-hyperparameters" in conditions:
        hyperparameters = {name: json.dumps(value) for name, value in hyperparameters.items()}
    config: dict[str, object] = {
        "hyperparameters": hyperparameters,
        "inputdataconfig": dict.fromkeys(samples.channels, channel),
        "resourceconfig": resources,
    }
    tree: dict[str, bytes] = {}
    if "train-extra-config" in conditions:
        resources["current_instance_type"] = "ml.m5.large"
        resources["current_group_name"] = "homogeneousCluster"
        resources["instance_groups"] = [
            {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": [host]}
        ]
        config.update({name: {"unknown": True} for name in UNKNOWN_FILES})
        tree.update({f"data/{name}-manifest": b"[]" for name in samples.channels})
    tree.update({f"config/{name}.json": json.dumps(content).encode() for name, content in config.items()})
    for name, files in samples.channels.items():
        tree[f"data/{name}/"] = b""
        tree.update({f"data/{name}/{path}": DAMAGED if damaged else content for path, content in files.items()})
    return tree


DAMAGED = bytes(range(255, -1, -1)) * 8
"""Content that is neither text nor any model."""


def damage(tree: Tree) -> Tree:
    """The same files with content that is none."""
    return dict.fromkeys(tree, DAMAGED)
