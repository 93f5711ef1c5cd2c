#!/usr/bin/env python3
"""Find what these scripts have made, by its tag, ask, and delete it; then show what is left that costs money.

    clean_up.py                          # everything with the tag
    clean_up.py --name-prefix ames-      # only what is named so, which is also found faster

It asks first: answer no to look only. Endpoints, their configurations and models are deleted, scaling policies with
them, and jobs that run are stopped. What they have written to S3, the images and the logs stay: the commands to remove
them are shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from common import TAG, Aws, camel, options, run, say
from errors import ScriptError, explain
from leftovers import Traces
from scaling import DIMENSION

STOPPED = ("hyper_parameter_tuning_job", "training_job", "transform_job")
DELETED = ("endpoint", "endpoint_config", "model")
SUMMARIES = {"endpoint": "Endpoints", "endpoint_config": "EndpointConfigs", "model": "Models"}


class Thing(NamedTuple):
    """What is there: its kind, such as ``training_job``, and its name."""

    what: str
    name: str

    def remove(self, aws: Aws) -> None:
        """Delete it, or where it is a job, stop it."""
        if self.what == "scaling":
            aws.call("application-autoscaling", "deregister_scalable_target", **DIMENSION, ResourceId=self.name)
        else:
            verb = "stop" if self.what in STOPPED else "delete"
            aws.call("sagemaker", f"{verb}_{self.what}", **{f"{camel(self.what)}Name": self.name})

    def __str__(self) -> str:
        """As it is listed."""
        todo = "stop" if self.what in STOPPED else "delete"
        return f"{todo:6} {self.what.replace('_', ' ')} {self.name}"


def find(args: argparse.Namespace, aws: Aws, what: str) -> Iterator[tuple[Thing, dict[str, Any]]]:
    """What there is of a kind with the tag and the prefix, and its entry in the list."""
    key, field = SUMMARIES.get(what, f"{camel(what)}Summaries"), camel(what)
    narrowed = {"NameContains": args.name_prefix} if args.name_prefix else {}
    for entry in aws.pages("sagemaker", f"list_{what}s", key, **narrowed):
        name, arn = entry[f"{field}Name"], entry[f"{field}Arn"]
        if name.startswith(args.name_prefix) and TAG in aws.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn):
            yield Thing(what, name), entry


def scaled(aws: Aws, endpoints: list[Thing]) -> Iterator[Thing]:
    """What Application Auto Scaling does for these endpoints; with its target a policy and its alarms go too."""
    names = {thing.name for thing in endpoints}
    found = aws.pages("application-autoscaling", "describe_scalable_targets", "ScalableTargets", **DIMENSION)
    for target in found if names or aws.dry_run else ():
        if target["ResourceId"].split("/")[1] in names:
            yield Thing("scaling", target["ResourceId"])


def agreed(args: argparse.Namespace) -> bool:
    """Whether the user says yes."""
    if args.yes:
        return True
    try:
        say("type yes to do this:")
        return input().strip() == "yes"
    except EOFError:
        raise ScriptError("nothing was deleted, as there is nobody to ask; give --yes") from None


def remove(aws: Aws, things: list[Thing]) -> int:
    """Remove them all; how many could not be."""
    failed = 0
    for thing in things:
        try:
            thing.remove(aws)
            say("done:  ", thing)
        except ClientError as error:
            failed += 1
            say("failed:", thing, "-", explain(error))
    return failed


def main(args: argparse.Namespace, aws: Aws) -> None:
    """Find, ask, remove, and show what is left."""
    say(f"looking for what has the tag {TAG['Key']}={TAG['Value']} …")
    traces, things, failed = Traces(aws), [], 0
    for what in (*STOPPED, *DELETED):
        for thing, entry in find(args, aws, what):
            traces.follow(what, thing.name)
            if what in DELETED or entry[f"{camel(what)}Status"] == "InProgress":
                things.append(thing)
    # A target must go before its endpoint: nothing finds it afterwards.
    things = [*scaled(aws, [thing for thing in things if thing.what == "endpoint"]), *things]
    if aws.dry_run:
        return
    for thing in things:
        say(f"  {thing}")
    if not things:
        say("there is nothing to delete or to stop")
    elif agreed(args):
        failed = remove(aws, things)
    else:
        say("nothing was deleted")
    traces.show(args)
    if failed:
        raise ScriptError(f"{failed} of {len(things)} are still there, as said above; run again in a few minutes")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--name-prefix", default="", metavar="TEXT", help="only what is named so; default: any name")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    run(main, parser.parse_args())
