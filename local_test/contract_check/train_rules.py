"""Rules of `docker run IMAGE train`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping

from contract_check.context import Context, last_line, shell_hint
from contract_check.docker import Container
from contract_check.job import HOST, OTHER_HOST, job_tree
from contract_check.rule import FAIL, GUIDE, NOT_APPLICABLE, NOTE, PASS, Attempt, Result, Rule, found, under_conditions

_RUN = GUIDE + "your-algorithms-training-algo-running-container.html"
_OUTPUT = GUIDE + "your-algorithms-training-algo-output.html"
_SIGNALS = GUIDE + "your-algorithms-training-signal-success-failure.html"
_LOCAL = "the SageMaker Python SDK's local mode"

SUCCEEDS = Rule(
    "train-succeeds",
    "`docker run IMAGE train` exits 0 and leaves the model in /opt/ml/model.",
    _OUTPUT,
    "Write all that serving needs below /opt/ml/model, and exit 0 only then.",
)
EXTRA_CONFIG = Rule(
    "train-extra-config",
    "Files and fields that the program does not know lie in /opt/ml/input/config, and manifests beside the channels.",
    _RUN,
    "Read only the files you need, and list the channels from inputdataconfig.json.",
)
NO_CONTENT_TYPE = Rule(
    "train-no-content-type",
    "Every field of a channel in inputdataconfig.json may be absent, ContentType too.",
    _RUN,
    "Read it with .get(), and fall back to what the data looks like.",
)
QUOTED = Rule(
    "train-quoted-hyperparameters",
    'Hyperparameters are strings, and the SDK may write each as JSON within the string: "\\"5\\"".',
    _RUN + ", and the SDK's estimators",
    "Try json.loads() on each value, and keep the text where that fails.",
)
HOST_NAME = Rule(
    "train-host-name",
    "Hosts are called as resourceconfig.json says, which is not always algo-1.",
    _RUN + ", and " + _LOCAL,
    "Compare current_host with hosts, not with a name of your own.",
)
READ_ONLY_INPUT = Rule(
    "train-read-only-input",
    "Channels are there to be read: FastFile mode mounts them so.",
    _RUN,
    "Write to /tmp instead of /opt/ml/input.",
)
NO_NETWORK = Rule(
    "train-no-network",
    "With network isolation there is no network at all.",
    GUIDE + "mkt-algo-model-internet-free.html",
    "Put into the image what the program downloads, or pass it as a channel.",
)
METRICS = Rule(
    "train-metrics",
    "Metrics are found in the log by regular expressions; tuning needs one such line at least.",
    GUIDE + "automatic-model-tuning-define-metrics-variables.html",
    "Print lines such as validation-rmse:0.25, a metric's name and its value.",
)
FAILURE_EXIT = Rule(
    "train-failure-exit",
    "A job that failed exits with another code than 0.",
    _SIGNALS,
    "Let the error end the program: sys.exit(1); in a shell script, set -e.",
)
FAILURE_FILE = Rule(
    "train-failure-file",
    "The first 1024 characters of /opt/ml/output/failure are the job's FailureReason.",
    _OUTPUT,
    "Write the cause there first, in a sentence; a traceback belongs into the log.",
)
STOP = Rule(
    "train-stop",
    "Stopping a job sends SIGTERM to process 1, and SIGKILL 120 seconds later.",
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html",
    "Handle SIGTERM, and let a shell script start the program with exec: process 1 ignores signals it does not handle.",
)
UNBUFFERED = Rule(
    "train-log-unbuffered",
    "Log lines reach CloudWatch as they are written, if they are not held back in a buffer.",
    GUIDE + "logging-cloudwatch.html",
    "Put ENV PYTHONUNBUFFERED=1 into the Dockerfile, or flush after each line.",
)
_CONDITIONS = [EXTRA_CONFIG, NO_CONTENT_TYPE, QUOTED, HOST_NAME, READ_ONLY_INPUT, NO_NETWORK]
RULES = [SUCCEEDS, *_CONDITIONS, METRICS, FAILURE_EXIT, FAILURE_FILE, STOP, UNBUFFERED]

METRIC = re.compile(r"[A-Za-z@][\w@-]*\"?\s*[:=]\s*[-+]?\d+(\.\d+)?")
"""A name and a number. Tuning's regular expressions are the user's, so this takes what one could be made for."""

TRACEBACK = re.compile(r"Traceback \(most recent call last\)|^\s+File \".*\", line \d+|^\s+at [\w.$]+\(", re.MULTILINE)


def check(context: Context) -> Iterator[Result]:
    """All results for training; the model that it leaves goes into the context."""
    log = ""

    def attempt(conditions: frozenset[str]) -> Attempt:
        nonlocal log
        context.tell("training" + (f" under {len(conditions)} conditions" if conditions else ""))
        job = _start(context, context.samples.hyperparameters, conditions)
        begun, code = time.monotonic(), job.wait(context.limits.train)
        seconds, log = time.monotonic() - begun, job.logs()
        model = {path.partition("/")[2]: content for path, content in job.read("/opt/ml/model").items()}
        job.remove()
        if code is None:
            return Attempt(f"still running after {context.limits.train:g} s")
        if code:
            return Attempt(f"exit code {code}: {last_line(log)}")
        if not model:
            return Attempt(f"exit code 0, but nothing in /opt/ml/model: {last_line(log)}")
        context.model = context.model or model
        return Attempt("", f"exit code 0 in {seconds:.1f} s, {len(model)} file(s) in /opt/ml/model")

    results = list(under_conditions(SUCCEEDS, filter(context.wanted, _CONDITIONS), attempt))
    yield from results
    if results[0].outcome == FAIL:
        for rule in (METRICS, FAILURE_EXIT, FAILURE_FILE, STOP, UNBUFFERED):
            yield Result(rule, NOT_APPLICABLE, "training fails on good data already")
        return
    metric = next((line.strip() for line in log.splitlines() if METRIC.search(line)), "")
    yield found(METRICS, "" if metric else "no line has a name and a number", " ".join(metric.split())[:100])
    if context.wanted(FAILURE_EXIT) or context.wanted(FAILURE_FILE):
        yield from _failure(context)
    if context.wanted(STOP) or context.wanted(UNBUFFERED):
        yield from _stop(context, bool(log.strip()))


def _start(
    context: Context,
    hyperparameters: Mapping[str, str],
    conditions: frozenset[str] = frozenset(),
    damaged: bool = False,
) -> Container:
    volume = context.docker.volume(context.image, job_tree(context.samples, hyperparameters, conditions, damaged))
    mode = ":ro" if READ_ONLY_INPUT.name in conditions else ""
    job = context.container(
        "train",
        *("--volume", f"{volume}:/opt/ml/input{mode}"),
        *("--hostname", OTHER_HOST if HOST_NAME.name in conditions else HOST),
        *(["--network", "none"] if NO_NETWORK.name in conditions else []),
    )
    job.write("/", {"opt/ml/model/": b"", "opt/ml/output/data/": b""})
    job.start()
    return job


def _failure(context: Context) -> Iterator[Result]:
    """What happens on data that is none."""
    context.tell("training on damaged data")
    job = _start(context, context.samples.hyperparameters, damaged=True)
    code = job.wait(context.limits.train)
    reason = "".join(content.decode(errors="replace") for content in job.read("/opt/ml/output/failure").values())
    job.remove()
    trouble = {0: "exit code 0 for data that is none", None: "still running"}.get(code, "")
    yield found(FAILURE_EXIT, trouble, f"exit code {code} for data that is none")
    start = reason[:1024]
    trouble = ""
    if not start.strip():
        trouble = "there is none, or nothing in its first 1024 characters"
    elif TRACEBACK.search(start):
        trouble = f"a traceback is in its first 1024 characters: {' '.join(start.split())[:60]}"
    yield found(FAILURE_FILE, trouble, " ".join(start.split())[:100])


def _stop(context: Context, prints: bool) -> Iterator[Result]:
    """SIGTERM in the middle of a long job, once its log shows that it is there."""
    if context.samples.long_hyperparameters is None:
        why = "no job is known that runs long enough; name one with --long-hyperparameters FILE"
        yield Result(STOP, NOT_APPLICABLE, why)
        yield Result(UNBUFFERED, NOT_APPLICABLE, why)
        return
    context.tell("stopping a training job")
    job = _start(context, context.samples.long_hyperparameters)
    deadline = time.monotonic() + min(20, context.limits.train_stop / 4)
    while job.running() and time.monotonic() < deadline and not METRIC.search(job.logs()):
        time.sleep(0.2)
    seen, running = job.logs(), job.running()
    if not running:
        why = "the job ended before it could be stopped; name a longer one with --long-hyperparameters FILE"
        yield Result(STOP, NOT_APPLICABLE, why)
        yield Result(UNBUFFERED, PASS if seen.strip() else NOTE, "the job was too short to see when lines came")
        return
    hint, begun = shell_hint(job), time.monotonic()
    job.terminate()
    code = job.wait(context.limits.train_stop)
    seconds, log = time.monotonic() - begun, job.logs()
    left = len([path for path in job.read("/opt/ml/model") if path])
    job.remove()
    trouble = f"still running {context.limits.train_stop:g} s after SIGTERM{hint}" if code is None else ""
    yield found(
        STOP, trouble, f"ended {seconds:.1f} s after SIGTERM, exit code {code}, {left} file(s) in /opt/ml/model"
    )
    if seen.strip():
        yield Result(UNBUFFERED, PASS, f"{len(seen.splitlines())} line(s) were there while it ran")
    elif prints:
        yield Result(UNBUFFERED, FAIL, f"no line while it ran, {len(log.splitlines())} after it was stopped")
    else:
        yield Result(UNBUFFERED, NOTE, "it prints nothing")
