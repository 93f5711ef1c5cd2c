"""Waiting for what SageMaker does, with its status, metrics and log lines as they come; Ctrl-C leaves it running."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from common import Aws, camel, command, given, say
from errors import ScriptError, explain
from interrupts import pause

LOG_GROUPS = {
    "training_job": "/aws/sagemaker/TrainingJobs",
    "transform_job": "/aws/sagemaker/TransformJobs",
    "endpoint": "/aws/sagemaker/Endpoints/{}",
}
"""Where CloudWatch has the logs of what is named {}; the jobs share a group, and their streams begin with the name."""

UNDER_WAY = {"InProgress", "Stopping", "Creating", "Updating", "SystemUpdating", "RollingBack"}


def come_back(args: argparse.Namespace, name: str, *again: str) -> str:
    """The command that waits for what is there; ``again`` are the options that it takes besides --wait."""
    return command(args, sys.argv[0].rpartition("/")[2], "--wait", name, *again)


@contextmanager
def left_running(args: argparse.Namespace, name: str, stop: str, *again: str) -> Iterator[None]:
    """Within the block Ctrl-C ends the script, not what it started; ``stop`` is the command that does."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\n{name} is left running on SageMaker.")
        say("to come back:", come_back(args, name, *again))
        say("to stop it:  ", stop)
        sys.exit(130)


def later(args: argparse.Namespace, name: str, stop: str, *again: str) -> None:
    """With --no-wait: what to type next."""
    if not args.dry_run:
        say(f"{name} is under way.")
        say("to see how it goes:", come_back(args, name, *again))
        say("to stop it:        ", stop)
        print(name)


def watch(args: argparse.Namespace, aws: Aws, what: str, name: str, *again: str) -> dict[str, Any]:
    """Show progress until a ``training_job``, ``endpoint``, … is done; its description.

    Raises ScriptError where it has failed. Where AWS is lost from sight, that is no reason to believe so: what to type
    then is said before the error goes on.
    """
    field = camel(what)
    logs, shown = _Logs(aws, LOG_GROUPS.get(what), name), ""
    while True:
        try:
            found = aws.call("sagemaker", f"describe_{what}", **{f"{field}Name": name})
        except (BotoCoreError, ClientError):
            if shown:
                say(f"{name} is left running on SageMaker; to come back:", come_back(args, name, *again))
            raise
        if aws.dry_run:
            return found
        status, line = found[f"{field}Status"], " · ".join(_progress(found, field))
        if line != shown:
            say(f"{datetime.now():%H:%M:%S} {name}: {line}")
            shown = line
        logs.show()
        if status not in UNDER_WAY:
            break
        pause(args.poll_interval)
    if status in ("Failed", "RollbackFailed", "UpdateRollbackFailed"):
        reason = " ".join(found.get("FailureReason", "SageMaker does not say why").split())
        raise ScriptError(f"{name} failed: {reason}")
    return found


def _progress(found: dict[str, Any], field: str) -> Iterator[str]:
    status, secondary = found[f"{field}Status"], found.get("SecondaryStatus")
    transitions = found.get("SecondaryStatusTransitions") or [{}]
    yield status
    if secondary not in (None, status):
        yield f"{secondary} {transitions[-1].get('StatusMessage', '')}".strip()
    counts = found.get("TrainingJobStatusCounters", {})
    yield from (f"{count} {counted}" for counted, count in counts.items() if count)
    best = found.get("BestTrainingJob", {})
    metric = best.get("FinalHyperParameterTuningJobObjectiveMetric")
    if metric:
        yield f"best so far {best['TrainingJobName']}, {metric['MetricName']} {metric['Value']:g}"
    yield from (f"{metric['MetricName']} {metric['Value']:g}" for metric in found.get("FinalMetricDataList", []))


class _Logs:
    """The log lines that have not been shown yet."""

    def __init__(self, aws: Aws, group: str | None, name: str) -> None:
        self._aws, self._group = aws, group and group.format(name)
        self._streams = {} if group and "{}" in group else {"logStreamNamePrefix": f"{name}/"}
        self._tokens: dict[str, str] = {}

    def show(self) -> None:
        """Show them. Where the log may not be read, say so once, and go on without."""
        if not self._group:
            return
        where = {"logGroupName": self._group, **self._streams}
        try:
            for stream in list(self._aws.pages("logs", "describe_log_streams", "logStreams", **where)):
                self._show(stream["logStreamName"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # there is no log yet
                say(f"its log cannot be shown: {explain(error)}")
                self._group = None

    def _show(self, stream: str) -> None:
        host = re.sub(r"-\d{8,}$", "", stream.rpartition("/")[2])
        request = {"logGroupName": self._group, "logStreamName": stream, "startFromHead": True}
        while True:
            token = self._tokens.get(stream)
            page = self._aws.call("logs", "get_log_events", **request, **given(nextToken=token))
            for event in page["events"]:
                say(f"  {host}: {event['message'].rstrip()}")
            self._tokens[stream] = page["nextForwardToken"]
            if page["nextForwardToken"] == token:  # the end, for now
                return
