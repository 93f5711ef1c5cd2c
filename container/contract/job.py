"""The configuration files of a training job -> a frozen TrainingJob.

Source: AWS's developer guide, and what the SDKs' local mode writes, which leaves most fields out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from container.contract.paths import OptMl
from container.errors import UserError


@dataclass(frozen=True)
class Channel:
    """One named input. ``path`` is its folder, or in Pipe mode the stem of its FIFOs."""

    name: str
    path: Path
    content_type: str | None = None
    input_mode: str = "File"  # or Pipe, FastFile
    distribution: str = "FullyReplicated"  # or ShardedByS3Key
    record_wrapper: str | None = None  # or RecordIO


@dataclass(frozen=True)
class Resources:
    """The hosts of the job, under whatever names the platform gives them."""

    current_host: str = "algo-1"
    hosts: tuple[str, ...] = ("algo-1",)
    network_interface: str | None = None


@dataclass(frozen=True)
class TrainingJob:
    """What the platform says about this job. ``hyperparameters`` are as sent: text, JSON-quoted or not."""

    channels: dict[str, Channel]
    resources: Resources
    hyperparameters: dict[str, str]

    @classmethod
    def read(cls, opt_ml: OptMl) -> Self:
        """Read the files that are there; none is required.

        Raises UserError, naming file and place, where one cannot be read as what it should be.
        """
        raw = _object(opt_ml.hyperparameters)
        return cls(
            channels=_channels(opt_ml),
            resources=_resources(opt_ml.resource_config),
            # Hand-written files hold bare numbers and lists; SageMaker's hold strings only.
            hyperparameters={
                name: value if isinstance(value, str) else json.dumps(value) for name, value in (raw or {}).items()
            },
        )


def _channels(opt_ml: OptMl) -> dict[str, Channel]:
    config = _object(opt_ml.input_data_config)
    if config is None:
        # Beside the folders there can be files such as <channel>-manifest: those are no channels.
        config = {name: {} for name in _folders(opt_ml.data)}
    channels = {}
    for name, fields in config.items():
        if not isinstance(fields, dict):
            raise UserError(f"{opt_ml.input_data_config.name}: channel {name!r} must be a JSON object, got {fields!r}")
        text = partial(_text, fields, opt_ml.input_data_config.name, of=f" of channel {name!r}")
        wrapper = text("RecordWrapperType")
        channels[name] = Channel(
            name,
            opt_ml.channel(name),
            content_type=text("ContentType"),
            input_mode=text("TrainingInputMode") or Channel.input_mode,
            distribution=text("S3DistributionType") or Channel.distribution,
            record_wrapper=None if wrapper == "None" else wrapper,
        )
    return channels


def _folders(parent: Path) -> list[str]:
    try:
        return sorted(path.name for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{parent} cannot be read: {error.strerror}; check its permissions") from error


def _resources(file: Path) -> Resources:
    config = _object(file) or {}
    current = _text(config, file.name, "current_host") or Resources.current_host
    given = config.get("hosts") or [current]
    if not isinstance(given, list) or not all(isinstance(host, str) for host in given):
        raise UserError(f"{file.name}: hosts must be a list of names, got {json.dumps(given)[:60]}")
    hosts = tuple(given)
    if current not in hosts:
        raise UserError(f"{file.name}: current_host {current!r} must be one of hosts, got {list(hosts)}")
    return Resources(current, hosts, _text(config, file.name, "network_interface_name"))


def _text(fields: Mapping[str, Any], file: str, name: str, *, of: str = "") -> str | None:
    """The field's text, None where it is absent, null or empty."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{file}: {name}{of} must be text, got {json.dumps(value)[:60]}")
    return value or None


def _object(file: Path) -> dict[str, Any] | None:
    """The JSON object in a configuration file, None where there is no such file."""
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{file.name} cannot be read: {error.strerror}; check its permissions") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{file.name} is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file.name} is not UTF-8: byte {error.start}") from error
    if not isinstance(content, dict):
        raise UserError(f"{file.name} must hold a JSON object, got {json.dumps(content)[:60]}")
    return content
