"""The command line: which image, which rules, what to try it with."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from contract_check import image_rules, lifecycle_rules, multi_model_rules, serve_rules, train_rules
from contract_check.context import Context, Limits
from contract_check.docker import Docker, DockerError
from contract_check.interruption import Interrupted, Interruption
from contract_check.job import Samples, channels_in, tree_in
from contract_check.report import Table, as_json, catalogue
from contract_check.rule import FAIL, NOT_APPLICABLE, Result, Rule

_SERVING = (serve_rules, lifecycle_rules, multi_model_rules)
RULES: list[Rule] = [rule for part in (image_rules, train_rules, *_SERVING) for rule in part.RULES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check an image; 0 where nothing fails, 1 where something does, 2 where it could not be checked."""
    options = _parser().parse_args(arguments)
    if options.list:
        print(catalogue(RULES))
        return 0
    if not options.image:
        return _refuse("name an image; see --help")
    if not shutil.which("docker"):
        return _refuse("Docker is not installed; see https://docs.docker.com/get-docker/")
    try:
        samples, wanted = _samples(options), _wanted(options.only)
        model = tree_in(Path(options.model)) if options.model else {}
    except (OSError, ValueError) as error:
        return _refuse(str(error))
    interruption, table, results, begun = Interruption(), Table(), [], time.monotonic()
    interruption.install()
    try:
        with Docker(interruption) as docker:
            context = Context(docker, options.image, docker.image(options.image), samples, wanted=wanted, model=model)
            context.limits = Limits.quick() if options.quick else Limits()
            context.large_megabytes = options.large
            context.tell = (lambda text: None) if options.json else table.tell
            for result in check(context):
                results.append(result)
                if not options.json:
                    table.show(result)
    except DockerError as error:
        return _refuse(f"docker: {error}")
    except Interrupted as interrupted:
        return 128 + interrupted.number
    if options.json:
        print(as_json(options.image, results))
    else:
        table.sum_up(results, time.monotonic() - begun)
    return 1 if any(result.outcome == FAIL for result in results) else 0


def check(context: Context) -> Iterator[Result]:
    """The results for the rules that are wanted, as they are found."""
    for result in _all(context):
        if context.wanted(result.rule):
            yield result


def _all(context: Context) -> Iterator[Result]:
    def any_of(rules: list[Rule]) -> bool:
        return any(context.wanted(rule) for rule in rules)

    if any_of(image_rules.RULES):
        yield from image_rules.check(context)
    serving = any(any_of(part.RULES) for part in _SERVING)
    # Without a model there is nothing to serve: training makes it.
    if any_of(train_rules.RULES) or (serving and not context.model):
        yield from train_rules.check(context)
    for part in _SERVING:
        if not any_of(part.RULES):
            continue
        if context.model:
            yield from part.check(context)
        else:
            for rule in part.RULES:
                yield Result(rule, NOT_APPLICABLE, "training left no model; give one with --model DIR")


def _refuse(message: str) -> int:
    print(f"contract_check: {message}", file=sys.stderr)
    return 2


def _wanted(only: list[str]) -> Callable[[Rule], bool]:
    """Whether a rule is one of those named, by its name or by the part before a dash.

    Raises:
        ValueError: a name is none.
    """
    for name in only:
        if not any(rule.name == name or rule.name.startswith(f"{name}-") for rule in RULES):
            raise ValueError(f"there is no rule {name!r}; --list shows them")
    return lambda rule: not only or any(rule.name == name or rule.name.startswith(f"{name}-") for name in only)


def _samples(options: argparse.Namespace) -> Samples:
    """What to try the image with.

    Raises:
        OSError: a file cannot be read.
        ValueError: it does not hold what it should, or another is missing.
    """
    samples = Samples(content_type=options.content_type)
    if options.train_data or options.hyperparameters:
        samples = replace(samples, long_hyperparameters=None)
    if options.train_data:
        samples = replace(samples, channels=channels_in(Path(options.train_data)), hyperparameters={})
    if options.hyperparameters:
        samples = replace(samples, hyperparameters=_strings(Path(options.hyperparameters)))
    if options.long_hyperparameters:
        samples = replace(samples, long_hyperparameters=_strings(Path(options.long_hyperparameters)))
    if options.request:
        return replace(samples, request=Path(options.request).read_bytes())
    if options.train_data or options.model:
        raise ValueError("a model of your own data needs a request of its own: --request FILE")
    return samples


def _strings(file: Path) -> dict[str, str]:
    """The hyperparameters in a JSON file; what is no text becomes some, as on the platform."""
    values = json.loads(file.read_text())
    if not isinstance(values, dict):
        raise ValueError(f'{file}: a JSON object was expected, such as {{"max_depth": "5"}}')
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="contract_check",
        description="Run a SageMaker image through the platform's contract with Docker on this machine, and print what "
        "holds, what does not, and how to mend it. The exit code is 0 if nothing fails, 1 if something does, 2 if the "
        "image could not be checked. The defaults are for images that train on CSV as AWS's XGBoost does; others "
        "need --train-data, --hyperparameters and --request.",
    )
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="an image that this machine has")
    parser.add_argument("--train-data", metavar="DIR", help="a folder for each channel, or files of the channel train")
    parser.add_argument("--hyperparameters", metavar="FILE", help="JSON object; a job of seconds is best")
    parser.add_argument(
        "--long-hyperparameters", metavar="FILE", help="the same, for a job that runs until it is stopped"
    )
    parser.add_argument("--model", metavar="DIR", help="what to serve, instead of what training leaves")
    parser.add_argument("--request", metavar="FILE", help="the body of a request for predictions")
    parser.add_argument("--content-type", default="text/csv", help="of the data and the request (default: %(default)s)")
    parser.add_argument(
        "--large", type=float, default=5, metavar="MB", help="size of a large request (default: %(default)s)"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="RULE", help="a rule, or all that begin so: train, serve-stop"
    )
    parser.add_argument("--quick", action="store_true", help="wait less long for what should start or stop")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--list", action="store_true", help="print all rules and their sources, and do nothing")
    return parser
