"""What the scripts beside this file share: options, requests and their dry run, and errors."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.validate import ParamValidator
from errors import ScriptError, explain
from interrupts import listen

Reply = dict[str, Any]
"""What AWS answers: the fields of an operation's output."""

TAG = {"Key": "CreatedBy", "Value": "sagemaker-xgboost-examples"}
"""All that the scripts make has it; clean_up.py looks for it."""


def options(description: str) -> argparse.ArgumentParser:
    """The options that all scripts have; ``description`` is the script's docstring."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--region", help="default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's")
    parser.add_argument("--profile", help="default: AWS_PROFILE, or none")
    parser.add_argument("--dry-run", action="store_true", help="print the requests as JSON; takes no credentials")
    return parser


def waiting(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options of scripts that wait for ``what`` they have started."""
    parser.add_argument("--wait", metavar="NAME", help=f"start nothing; wait for the {what} that is there")
    parser.add_argument("--no-wait", action="store_true", help="start it, and do not wait")
    parser.add_argument("--poll-interval", type=float, default=10, metavar="SECONDS", help="default: %(default)s")
    parser.add_argument("--tags", type=pair, nargs="+", default=[], metavar="KEY=VALUE", help="besides CreatedBy")


def parse(parser: argparse.ArgumentParser, *needed: str) -> argparse.Namespace:
    """The arguments; those ``needed`` (option names) must be there, except with --wait."""
    args = parser.parse_args()
    missing = [name for name in needed if not getattr(args, name[2:].replace("-", "_"))]
    if missing and not args.wait:
        parser.error(f"{', '.join(missing)}: needed, except with --wait NAME")
    return args


def pair(text: str) -> tuple[str, str]:
    """``name=value``."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


def s3_uri(text: str) -> str:
    """``s3://bucket/…``."""
    if not text.startswith("s3://") or not text[5:].partition("/")[0]:
        raise argparse.ArgumentTypeError(f"expected s3://BUCKET/…, got {text!r}")
    return text


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The two parts of ``s3://bucket/key``."""
    bucket, _, key = uri[5:].partition("/")
    return bucket, key


def new_name() -> str:
    """A name that is free: names of jobs are never free again."""
    return f"xgboost-{datetime.now():%Y%m%d-%H%M%S}"


def tags(args: argparse.Namespace) -> list[dict[str, str]]:
    """What everything is tagged with."""
    return [TAG, *({"Key": key, "Value": value} for key, value in args.tags)]


def given(**fields: Any) -> dict[str, Any]:
    """The fields that have a value: AWS takes an absent one for its default, and refuses null."""
    return {name: value for name, value in fields.items() if value is not None and value not in ({}, [])}


def camel(name: str) -> str:
    """``training_job`` as the API's fields have it: ``TrainingJob``."""
    return "".join(word.title() for word in name.split("_"))


def say(*words: object) -> None:
    """Tell the user; standard output is for results."""
    print(*words, file=sys.stderr, flush=True)


def command(args: argparse.Namespace, program: str, *arguments: str) -> str:
    """A command to type next: a script beside this one, or the ``aws`` command, in the same region and profile."""
    options = {"--region": args.region, "--profile": args.profile}
    where = [word for option, value in options.items() if value for word in (option, value)]
    if program.endswith(".py"):
        program = f"{sys.argv[0].rpartition('/')[0] or '.'}/{program}"
    return shlex.join([*program.split(), *arguments, *where])


class Aws:
    """AWS's services. In a dry run nothing is sent: requests are checked, kept, and printed at the end."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.dry_run: bool = args.dry_run
        self.requests: list[dict[str, Any]] = []
        # boto3 itself reads only AWS_DEFAULT_REGION.
        region = args.region or os.environ.get("AWS_REGION")
        self._session = boto3.Session(profile_name=args.profile, region_name=region)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """boto3's client. A model may take 60 s for a reply, which is as long as botocore waits by default."""
        if service not in self._clients:
            region = self._session.region_name or ("us-east-1" if self.dry_run else None)
            config = Config(read_timeout=70, retries={"mode": "standard"})
            self._clients[service] = self._session.client(service, region_name=region, config=config)
        return self._clients[service]

    def call(self, service: str, operation: str, dry: Reply | None = None, /, **request: Any) -> dict[str, Any]:
        """The reply to a request; in a dry run ``dry``."""
        client = self.client(service)
        if not self.dry_run:
            reply: Reply = getattr(client, operation)(**request)
            return reply
        self._keep(client, operation, request)
        return dry or {}

    def pages(self, service: str, operation: str, key: str, /, **request: Any) -> Iterator[Reply]:
        """The entries of a list, of all its pages; in a dry run none."""
        client = self.client(service)
        if self.dry_run:
            self._keep(client, operation, request)
            return
        for page in client.get_paginator(operation).paginate(**request):
            yield from page.get(key, [])

    def _keep(self, client: Any, operation: str, request: dict[str, Any]) -> None:
        name = client.meta.method_to_api_mapping[operation]
        model = client.meta.service_model.operation_model(name)
        report = ParamValidator().validate(request, model.input_shape)
        if report.has_errors():
            raise ScriptError("; ".join(report.generate_report().splitlines()))
        self.requests.append({"Service": client.meta.service_model.service_name, "Operation": name, "Request": request})


def run(main: Callable[[argparse.Namespace, Aws], None], args: argparse.Namespace) -> None:
    """Run a script: what fails is one line and exit code 1, and no traceback."""
    program = sys.argv[0].rpartition("/")[2]
    listen()
    try:
        aws = Aws(args)
        main(args, aws)
        if args.dry_run:
            print(json.dumps(aws.requests, indent=2, default=lambda value: value.decode(errors="replace")))
    except KeyboardInterrupt:
        say(f"{program}: interrupted")
        sys.exit(130)
    except (ScriptError, BotoCoreError, ClientError, OSError) as error:
        sys.exit(f"{program}: {explain(error)}")
