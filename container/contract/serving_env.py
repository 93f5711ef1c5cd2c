"""The server's environment variables -> frozen ServingSettings.

The names are those that AWS's own images honour. An empty string is as good as unset. Each setting is
declared once; ``docs/generate.py`` writes docs/settings.md from the same declarations.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

from container.contract.resources import usable_cpus
from container.errors import UserError

MIB = 1024**2
THREADS = 32
"""Of each worker, for requests that its event loop does not answer."""

# What AWS's images understand and this one does not do: asking for it must not pass in silence.
UNSUPPORTED = {
    "SAGEMAKER_MULTI_MODEL": "multi-model endpoints",
    "SAGEMAKER_PROGRAM": "inference code of the user's own",
}
# What AWS's images and SDKs set and this one has no use for.
WITHOUT_EFFECT = {
    "SAGEMAKER_SUBMIT_DIRECTORY": "where the code of SAGEMAKER_PROGRAM lies",
    "SAGEMAKER_SAFE_PORT_RANGE": "only the one port is listened on",
    "SAGEMAKER_REGION": "no AWS service is called",
}


class Setting(NamedTuple):
    """The declaration of one environment variable."""

    variable: str
    parse: Callable[[str], Any]  # raises ValueError
    accepts: str
    default: str
    doc: str


Kind = tuple[Callable[[str], Any], str]  # how to parse, and what is accepted in words


def _setting(variable: str, kind: Kind, doc: str, default: Any, in_words: str = "") -> Any:
    """A field read from a variable; a callable default is called where the variable is not set."""
    about = {"setting": Setting(variable, *kind, in_words or str(default), doc)}
    return (
        field(default_factory=default, metadata=about) if callable(default) else field(default=default, metadata=about)
    )


def _integer(low: int, high: int | None = None) -> Kind:
    def parse(text: str) -> int:
        number = int(text)
        if number < low or (high is not None and number > high):
            raise ValueError
        return number

    return parse, f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"


def _parse_switch(text: str) -> bool:
    switch = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    if switch is None:
        raise ValueError
    return switch


def _parse_level(text: str) -> str:
    name = str(logging.getLevelName(int(text))) if text.isdigit() else text.upper()
    if name not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError
    return name


def output_keys(text: str) -> tuple[str, ...]:
    """The keys of a comma-separated list, each once, in its order; which there are, the model knows."""
    return tuple(dict.fromkeys(key.strip().lower() for key in text.split(",") if key.strip()))


def _parse_bad_row(text: str) -> bool:
    if text.lower() not in ("fail", "placeholder"):
        raise ValueError
    return text.lower() == "placeholder"


def _parse_format(text: str) -> bool:
    if text.lower() not in ("text", "json"):
        raise ValueError
    return text.lower() == "json"


_SWITCH = (_parse_switch, "true or false")
_LEVEL = (_parse_level, "debug, info, warning, error or critical, or their numbers 10 to 50")
_TEXT = (str, "text")


@dataclass(frozen=True)
class ServingSettings:
    """How to serve."""

    port: int = _setting(
        "SAGEMAKER_BIND_TO_PORT", _integer(1, 65535), "Port to listen on; inference pipelines set it.", 8080
    )
    workers: int = _setting(
        "SAGEMAKER_MODEL_SERVER_WORKERS",
        _integer(1),
        "Worker processes; they share the memory of the model.",
        usable_cpus,
        "one for each whole CPU of the container's quota",
    )
    timeout: int = _setting(
        "SAGEMAKER_MODEL_SERVER_TIMEOUT",
        _integer(1),
        "Seconds a worker may give no sign of life before it is replaced.",
        60,
    )
    max_content_length: int | None = _setting(
        "MAX_CONTENT_LENGTH",
        _integer(1),
        "Largest request body in bytes; a larger one is answered 413.",
        None,
        "as SAGEMAKER_MAX_PAYLOAD_IN_MB",
    )
    max_payload_mb: int | None = _setting(
        "SAGEMAKER_MAX_PAYLOAD_IN_MB",
        _integer(1, 1024),
        "The same in units of 1024 * 1024 bytes, and what /execution-parameters tells batch transform (else 6).",
        None,
        "25, the platform's limit; 100 for batch transform",
    )
    default_accept: str = _setting(
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
        _TEXT,
        "Content type of replies to requests whose Accept header is absent or `*/*`.",
        "text/csv",
    )
    batch: bool = _setting(
        "SAGEMAKER_BATCH",
        _SWITCH,
        "Set by batch transform: replies end in a newline, so that lines can be joined.",
        False,
        "false",
    )
    placeholders: bool = _setting(
        "ON_BAD_ROW",
        (_parse_bad_row, "fail or placeholder"),
        "A row of CSV or JSON Lines that cannot be read fails the request, or has an empty prediction in its place.",
        False,
        "fail",
    )
    output: tuple[str, ...] = _setting(
        "SAGEMAKER_INFERENCE_OUTPUT",
        (output_keys, "keys with commas between"),
        "What replies say, such as `predicted_label,probability,contributions`; see docs/serving.md.",
        (),
        "the score, and the class where it has a name",
    )
    ensemble: bool = _setting(
        "SAGEMAKER_INFERENCE_ENSEMBLE",
        _SWITCH,
        "Serve several models together, by their mean or vote; false: only the first.",
        True,
        "true",
    )
    native: bool = _setting(
        "SAGEMAKER_XGBOOST_NATIVE",
        _SWITCH,
        "Read and predict with the compiled core where it gives the same bytes; false: with XGBoost alone.",
        True,
        "true",
    )
    fast_worker: bool = _setting(
        "SAGEMAKER_XGBOOST_FAST_WORKER",
        _SWITCH,
        "Answer small requests without a thread, and without Flask where that gives the same bytes.",
        True,
        "true",
    )
    queue: int = _setting(
        "SAGEMAKER_MODEL_JOB_QUEUE_SIZE",
        _integer(0),
        "Requests that may wait for a thread in each worker, and as many large ones; more are answered 503.",
        4 * THREADS,
        f"{4 * THREADS}, four for each thread",
    )
    metrics: bool = _setting(
        "SAGEMAKER_XGBOOST_METRICS", _SWITCH, "Answer GET /metrics in Prometheus' text format.", False, "false"
    )
    access_log: bool = _setting(
        "SAGEMAKER_XGBOOST_ACCESS_LOG", _SWITCH, "A line in the log for each request but /ping.", False, "false"
    )
    json_log: bool = _setting(
        "SAGEMAKER_XGBOOST_LOG_FORMAT", (_parse_format, "text or json"), "Log lines as text, or as JSON.", False, "text"
    )
    log_level: str = _setting("SAGEMAKER_CONTAINER_LOG_LEVEL", _LEVEL, "Least level of log lines.", "INFO", "info")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises UserError with every variable whose value cannot be used, a line each."""
        values, problems = {}, []
        for name, setting in SETTINGS.items():
            text = environ.get(setting.variable, "").strip()
            if not text:
                continue
            try:
                values[name] = setting.parse(text)
            except ValueError:
                problems.append(f"{setting.variable}: must be {setting.accepts}, got {text!r}")
        for variable, feature in UNSUPPORTED.items():
            if (text := environ.get(variable, "").strip()) and text.lower() not in ("false", "0"):
                problems.append(f"{variable}: this image has no {feature}; unset it, got {text!r}")
        if problems:
            raise UserError("\n".join(problems))
        return cls(**values)

    @property
    def body_limit(self) -> int:
        """Bytes of the largest request body. The platform lets 25 MB through, 100 MB from batch transform."""
        if self.max_content_length is not None:
            return self.max_content_length
        return (self.max_payload_mb or (100 if self.batch else 25)) * MIB

    @property
    def batch_payload_mb(self) -> int:
        """MaxPayloadInMB of /execution-parameters: the service's own default, 6, unless a limit is set."""
        if self.max_payload_mb is None and self.max_content_length is None:
            return 6
        return max(1, self.body_limit // MIB)


SETTINGS: dict[str, Setting] = {field.name: field.metadata["setting"] for field in fields(ServingSettings)}
