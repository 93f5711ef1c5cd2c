"""The server's environment variables -> frozen ServingSettings.

The names are those that AWS's own images honour. An empty string is as good as unset. Each setting is
declared once; ``docs/generate.py`` writes docs/settings.md from the same declarations.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from container.contract.resources import usable_cpus
from container.contract.setting import LEVEL, SWITCH, TEXT, Setting, one_of, setting, whole_number
from container.errors import UserError

MIB = 1024**2
THREADS = 32
"""Of each worker, for requests that its event loop does not answer."""

# What AWS's images and SDKs set and this one has no use for.
WITHOUT_EFFECT = {
    "SAGEMAKER_SAFE_PORT_RANGE": "only the one port is listened on",
}


def output_keys(text: str) -> tuple[str, ...]:
    """The keys of a comma-separated list, each once, in its order; which there are, the model knows."""
    return tuple(dict.fromkeys(key.strip().lower() for key in text.split(",") if key.strip()))


@dataclass(frozen=True)
class ServingSettings:
    """How to serve."""

    port: int = setting(
        "SAGEMAKER_BIND_TO_PORT", whole_number(1, 65535), "Port to listen on; inference pipelines set it.", 8080
    )
    workers: int = setting(
        "SAGEMAKER_MODEL_SERVER_WORKERS",
        whole_number(1),
        "Worker processes; they share the memory of the model.",
        usable_cpus,
        "one for each whole CPU of the container's quota",
    )
    timeout: int = setting(
        "SAGEMAKER_MODEL_SERVER_TIMEOUT",
        whole_number(1),
        "Seconds a worker may give no sign of life before it is replaced; 1 and 2 count as 3.",
        60,
    )
    max_content_length: int | None = setting(
        "MAX_CONTENT_LENGTH",
        whole_number(1),
        "Largest request body in bytes; a larger one is answered 413.",
        None,
        "as SAGEMAKER_MAX_PAYLOAD_IN_MB",
    )
    max_payload_mb: int | None = setting(
        "SAGEMAKER_MAX_PAYLOAD_IN_MB",
        whole_number(1, 1024),
        "The same in units of 1024 * 1024 bytes, and what /execution-parameters tells batch transform (else 6).",
        None,
        "25, the platform's limit; 100 for batch transform",
    )
    default_accept: str = setting(
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
        TEXT,
        "Content type of replies to requests whose Accept header is absent or `*/*`.",
        "text/csv",
    )
    batch: bool = setting(
        "SAGEMAKER_BATCH",
        SWITCH,
        "Set by batch transform: replies end in a newline, so that lines can be joined.",
        False,
        "false",
    )
    placeholders: bool = setting(
        "ON_BAD_ROW",
        one_of(fail=False, placeholder=True),
        "A row of CSV or JSON Lines that cannot be read fails the request, or has an empty prediction in its place.",
        False,
        "fail",
    )
    output: tuple[str, ...] = setting(
        "SAGEMAKER_INFERENCE_OUTPUT",
        (output_keys, "keys with commas between"),
        "What replies say, such as `predicted_label,probability,contributions`; see docs/serving.md.",
        (),
        "the score, and the class where it has a name",
    )
    multi_model: bool = setting(
        "SAGEMAKER_MULTI_MODEL",
        SWITCH,
        "Set by multi-model endpoints: serve what is loaded through /models; see docs/multi-model.md.",
        False,
        "false",
    )
    ensemble: bool = setting(
        "SAGEMAKER_INFERENCE_ENSEMBLE",
        SWITCH,
        "Serve several models together, by their mean or vote; false: only the first.",
        True,
        "true",
    )
    native: bool = setting(
        "SAGEMAKER_XGBOOST_NATIVE",
        SWITCH,
        "Read and predict with the compiled core where it gives the same bytes; false: with XGBoost alone.",
        True,
        "true",
    )
    fast_worker: bool = setting(
        "SAGEMAKER_XGBOOST_FAST_WORKER",
        SWITCH,
        "Answer small requests without a thread, and without Flask where that gives the same bytes.",
        True,
        "true",
    )
    program: str = setting(
        "SAGEMAKER_PROGRAM",
        TEXT,
        "Script with inference code of your own, such as inference.py; see docs/inference-code.md.",
        "",
        "none",
    )
    submit_directory: str = setting(
        "SAGEMAKER_SUBMIT_DIRECTORY",
        (str, "a folder, a tar.gz archive, or one at `s3://`"),
        "Where that script lies.",
        "",
        "the folder `code` beside the model, or `/opt/ml/code`",
    )
    feature_group: str = setting(
        "FEATURE_GROUP_NAME",
        (str, "name or ARN"),
        "Feature Store group whose online store completes JSON records that say only their id; see docs/serving.md.",
        "",
        "none",
    )
    region: str = setting(
        "AWS_REGION",
        TEXT,
        "Region of the feature group and of code in S3; the platform sets it.",
        "",
        "as SAGEMAKER_REGION, else AWS_DEFAULT_REGION",
    )
    queue: int = setting(
        "SAGEMAKER_MODEL_JOB_QUEUE_SIZE",
        whole_number(0),
        "Requests that may wait for a thread in each worker, and as many large ones; more are answered 503.",
        4 * THREADS,
        f"{4 * THREADS}, four for each thread",
    )
    metrics: bool = setting(
        "SAGEMAKER_XGBOOST_METRICS", SWITCH, "Answer GET /metrics in Prometheus' text format.", False, "false"
    )
    access_log: bool = setting(
        "SAGEMAKER_XGBOOST_ACCESS_LOG", SWITCH, "A line in the log for each request but /ping.", False, "false"
    )
    json_log: bool = setting(
        "SAGEMAKER_XGBOOST_LOG_FORMAT", one_of(text=False, json=True), "Log lines as text, or as JSON.", False, "text"
    )
    log_level: str = setting("SAGEMAKER_CONTAINER_LOG_LEVEL", LEVEL, "Least level of log lines.", "INFO", "info")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises UserError with every variable whose value cannot be used, a line each."""
        values, problems = {}, []
        for name, declared in SETTINGS.items():
            text = environ.get(declared.variable, "").strip()
            if not text:
                continue
            try:
                values[name] = declared.parse(text)
            except ValueError:
                problems.append(f"{declared.variable}: must be {declared.accepts}, got {text!r}")
        if values.get("multi_model"):
            problems += [
                f"{SETTINGS[name].variable}: there is none for multi-model endpoints (SAGEMAKER_MULTI_MODEL); unset one"
                for name in ("program", "feature_group")
                if name in values
            ]
        if problems:
            raise UserError("\n".join(problems))
        return cls(**{"region": environ.get("SAGEMAKER_REGION", "").strip(), **values})

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
