#!/usr/bin/env python3
"""Tune hyperparameters: CreateHyperParameterTuningJob, then its progress until the best of its jobs is known.

    tune.py --training-image "$image_uri" --role-arn "$role_arn" --train s3://my-bucket/ames/train/ \\
        --validation s3://my-bucket/ames/validation/ --s3-output-path s3://my-bucket/ames/output/ \\
        --static-hyper-parameters target=price num_round=200 --metric-name validation:rmse \\
        --parameter-ranges eta=0.01:0.3:log max_depth=3:10 booster=gbtree,dart

A range is MIN:MAX, of whole numbers where both ends are whole, and may end in :log, :linear or :reverselog. Values with
commas between are tried as they are. The best training job's name is printed on standard output.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

import train
from common import Aws, command, given, new_name, options, pair, parse, run, say, tags, waiting
from errors import ScriptError
from progress import later, left_running, watch

SCALES = {"": "Auto", "log": "Logarithmic", "linear": "Linear", "reverselog": "ReverseLogarithmic"}
RISING = r"auc|aucpr|map|ndcg|pre|ams|r2|(balanced_)?accuracy|(f1|precision|recall)(_\w+)?|interval-regression-accuracy"
"""The metrics that are better when greater."""


def parameter_range(text: str) -> tuple[str, dict[str, Any]]:
    """The field of ParameterRanges, and its entry, of ``eta=0.01:0.3:log`` or ``booster=gbtree,dart``."""
    name, values = pair(text)
    if ":" not in values:
        return "CategoricalParameterRanges", {"Name": name, "Values": values.split(",")}
    least, most, scale = [*values.split(":"), ""][:3]
    try:
        ordered = float(least) < float(most)
    except ValueError:
        ordered = False
    if not ordered or scale not in SCALES or values.count(":") > 2:
        raise argparse.ArgumentTypeError(
            f"expected {name}=MIN:MAX or {name}=MIN:MAX:SCALE, SCALE being log, linear or reverselog, got {text!r}"
        )
    kind = "Integer" if least.lstrip("-").isdigit() and most.lstrip("-").isdigit() else "Continuous"
    entry = {"Name": name, "MinValue": least, "MaxValue": most, "ScalingType": SCALES[scale]}
    return f"{kind}ParameterRanges", entry


def config(args: argparse.Namespace) -> dict[str, Any]:
    """HyperParameterTuningJobConfig: what to look for, where, and for how long."""
    metric = args.metric_name.rpartition(":")[2].partition("@")[0]
    rising = re.fullmatch(RISING, metric)
    ranges: dict[str, list[dict[str, Any]]] = {}
    for field, entry in args.parameter_ranges:
        ranges.setdefault(field, []).append(entry)
    # Grid tries every combination and takes no number; Hyperband stops jobs early by itself, and takes no other way.
    many = args.max_number_of_training_jobs or (None if args.strategy == "Grid" else 20)
    by_itself = args.strategy in ("Grid", "Hyperband")
    return given(
        Strategy=args.strategy,
        HyperParameterTuningJobObjective={
            "Type": args.type or ("Maximize" if rising else "Minimize"),
            "MetricName": args.metric_name,
        },
        ResourceLimits=given(MaxNumberOfTrainingJobs=many, MaxParallelTrainingJobs=args.max_parallel_training_jobs),
        ParameterRanges=ranges,
        TrainingJobEarlyStoppingType=args.training_job_early_stopping_type or ("Off" if by_itself else "Auto"),
        RandomSeed=args.random_seed,
    )


def warm_start(args: argparse.Namespace) -> dict[str, Any]:
    """WarmStartConfig: the jobs whose results this one begins with."""
    parents = [{"HyperParameterTuningJobName": name} for name in args.parent_hyper_parameter_tuning_jobs]
    return {"ParentHyperParameterTuningJobs": parents, "WarmStartType": args.warm_start_type} if parents else {}


def main(args: argparse.Namespace, aws: Aws) -> None:
    """Start the job, unless it is there, and wait for it."""
    name = args.wait or args.hyper_parameter_tuning_job_name
    stop = command(args, "aws sagemaker stop-hyper-parameter-tuning-job", "--hyper-parameter-tuning-job-name", name)
    with left_running(args, name, stop):
        if not args.wait:
            # The objective's value must be found in the log, whatever else is looked for.
            args.metric_definitions = list(dict.fromkeys([args.metric_name, *args.metric_definitions]))
            definition = given(StaticHyperParameters=dict(args.static_hyper_parameters), **train.job(args))
            request = given(HyperParameterTuningJobName=name, WarmStartConfig=warm_start(args), Tags=tags(args))
            aws.call(
                "sagemaker",
                "create_hyper_parameter_tuning_job",
                HyperParameterTuningJobConfig=config(args),
                TrainingJobDefinition=definition,
                **request,
            )
        if args.no_wait:
            later(args, name, stop)
            return
        done = watch(args, aws, "hyper_parameter_tuning_job", name)
    if done:
        best = done.get("BestTrainingJob")
        if not best:
            jobs = "aws sagemaker list-training-jobs-for-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name"
            raise ScriptError(
                f"none of the training jobs of {name} was completed; see why: {command(args, jobs, name)}"
            )
        say("the best has", *(f"{key}={value}" for key, value in best.get("TunedHyperParameters", {}).items()))
        say("next:", command(args, "deploy.py", "--training-job-name", best["TrainingJobName"]))
        print(best["TrainingJobName"])


if __name__ == "__main__":
    parser = options(__doc__)
    add = parser.add_argument
    # These names may have 32 characters, so that those of the training jobs have room behind them.
    add("--hyper-parameter-tuning-job-name", default=new_name(), help="default: xgboost-DATE-TIME")
    add(
        "--parameter-ranges",
        type=parameter_range,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=MIN:MAX",
        help="what to search, as above (needed)",
    )
    add("--metric-name", metavar="CHANNEL:METRIC", help="the objective, such as validation:rmse (needed)")
    add("--type", choices=["Minimize", "Maximize"], help="of the objective; default: what suits the metric")
    add(
        "--strategy",
        choices=["Bayesian", "Random", "Hyperband", "Grid"],
        default="Bayesian",
        help="default: %(default)s",
    )
    add("--max-number-of-training-jobs", type=int, help="default: 20; with Grid, all there are")
    add("--max-parallel-training-jobs", type=int, default=2, help="default: %(default)s")
    add(
        "--training-job-early-stopping-type",
        choices=["Off", "Auto"],
        help="end jobs that promise nothing; default: Auto, and Off with Hyperband and Grid",
    )
    add("--random-seed", type=int, help="the same seed asks for the same values")
    add("--parent-hyper-parameter-tuning-jobs", nargs="+", default=[], metavar="NAME", help="begin with their results")
    add(
        "--warm-start-type",
        choices=["IdenticalDataAndAlgorithm", "TransferLearning"],
        default="IdenticalDataAndAlgorithm",
        help="default: %(default)s",
    )
    train.job_options(parser)
    add("--static-hyper-parameters", type=pair, nargs="+", action="extend", default=[], metavar="NAME=VALUE")
    waiting(parser, "tuning job")
    needed = ("--training-image", "--role-arn", "--train", "--s3-output-path", "--metric-name", "--parameter-ranges")
    run(main, parse(parser, *needed))
