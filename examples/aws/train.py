#!/usr/bin/env python3
"""Train a model: CreateTrainingJob, then its progress and log until it is done.

    train.py --training-image "$image_uri" --role-arn "$role_arn" --train s3://my-bucket/ames/train/ \\
        --s3-output-path s3://my-bucket/ames/output/ --hyper-parameters target=price num_round=200

The options are named after the API's fields. The job's name is printed on standard output.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import Aws, command, given, new_name, options, pair, parse, run, s3_uri, say, tags, waiting
from progress import later, left_running, watch

# fmt: off
METRICS = ["rmse", "mae", "rmsle", "mape", "mse", "r2", "logloss", "error", "auc", "aucpr", "mlogloss", "merror",
           "accuracy", "f1", "ndcg", "map", "quantile", "expectile"]
# fmt: on
"""Those that most jobs print; definitions that find nothing do no harm, and a job may have 40."""


def job_options(parser: argparse.ArgumentParser) -> None:
    """What training jobs are made of; tune.py has these too."""
    add = parser.add_argument
    add("--training-image", metavar="URI", help="what build_and_push.sh prints (needed)")
    add("--role-arn", metavar="ARN", help="the role that the job acts as (needed)")
    add("--train", type=s3_uri, metavar="S3URI", help="the folder or file to learn from (needed)")
    add("--validation", type=s3_uri, metavar="S3URI", help="what is scored in each round, and watched to stop early")
    add("--s3-output-path", type=s3_uri, metavar="S3URI", help="where model.tar.gz goes, by the job's name (needed)")
    add("--content-type", default="text/csv", help="of the channels; default: %(default)s")
    add("--training-input-mode", choices=["File", "FastFile", "Pipe"], default="File", help="default: %(default)s")
    add(
        "--s3-data-distribution-type",
        choices=["FullyReplicated", "ShardedByS3Key"],
        default="FullyReplicated",
        help="of train: ShardedByS3Key gives each instance a share of the files; default: %(default)s",
    )
    add("--instance-type", default="ml.m5.large", help="default: %(default)s")
    add("--instance-count", type=int, default=1, help="default: %(default)s")
    add("--volume-size-in-gb", type=int, default=30, help="default: %(default)s")
    add("--max-runtime-in-seconds", type=int, default=3600, help="a longer job is stopped; default: %(default)s")
    add("--enable-managed-spot-training", action="store_true", help="cheaper, and may be interrupted")
    add("--max-wait-time-in-seconds", type=int, help="spot: with the waiting; default: an hour more than it may run")
    add("--checkpoint-s3-uri", type=s3_uri, metavar="S3URI", help="where an interrupted job finds its rounds again")
    add("--enable-network-isolation", action="store_true", help="no network but between the job's instances")
    add(
        "--metric-definitions",
        nargs="+",
        default=[],
        metavar="CHANNEL:METRIC",
        help="metrics to chart, such as validation:rmse; default: the common ones of both channels",
    )


def job(args: argparse.Namespace) -> dict[str, Any]:
    """The fields that CreateTrainingJob and a tuning job's TrainingJobDefinition have in common."""
    spot = args.enable_managed_spot_training
    longest = args.max_wait_time_in_seconds or args.max_runtime_in_seconds + 3600
    return given(
        AlgorithmSpecification={
            "TrainingImage": args.training_image,
            "TrainingInputMode": args.training_input_mode,
            "MetricDefinitions": metric_definitions(args.metric_definitions),
        },
        RoleArn=args.role_arn,
        InputDataConfig=[
            channel("train", args.train, args.content_type, args.s3_data_distribution_type),
            *([channel("validation", args.validation, args.content_type)] if args.validation else []),
        ],
        OutputDataConfig={"S3OutputPath": args.s3_output_path},
        ResourceConfig={
            "InstanceType": args.instance_type,
            "InstanceCount": args.instance_count,
            "VolumeSizeInGB": args.volume_size_in_gb,
        },
        StoppingCondition=given(
            MaxRuntimeInSeconds=args.max_runtime_in_seconds, MaxWaitTimeInSeconds=longest if spot else None
        ),
        EnableManagedSpotTraining=spot,
        CheckpointConfig=given(S3Uri=args.checkpoint_s3_uri),
        EnableNetworkIsolation=args.enable_network_isolation,
    )


def channel(name: str, uri: str, content_type: str, distribution: str = "FullyReplicated") -> dict[str, Any]:
    """An entry of InputDataConfig; every instance scores all of the validation channel."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": content_type}


def metric_definitions(names: list[str]) -> list[dict[str, str]]:
    """What SageMaker finds the values in the log with; docs/training.md has the form of the lines."""
    names = names or [f"{channel}:{metric}" for metric in METRICS for channel in ("train", "validation")]
    return [{"Name": name, "Regex": rf".*\[[0-9]+\].*{name.replace(':', '-')}:(-?[0-9.]+)"} for name in names]


def main(args: argparse.Namespace, aws: Aws) -> None:
    """Start the job, unless it is there, and wait for it."""
    name = args.wait or args.training_job_name
    stop = command(args, "aws sagemaker stop-training-job", "--training-job-name", name)
    with left_running(args, name, stop):
        if not args.wait:
            if args.enable_managed_spot_training and not args.checkpoint_s3_uri:
                args.checkpoint_s3_uri = f"{args.s3_output_path.rstrip('/')}/{name}/checkpoints/"
            request = given(TrainingJobName=name, HyperParameters=dict(args.hyper_parameters), **job(args))
            aws.call("sagemaker", "create_training_job", **request, Tags=tags(args))
        if args.no_wait:
            later(args, name, stop)
            return
        done = watch(args, aws, "training_job", name)
    if done:
        say(f"the model: {done.get('ModelArtifacts', {}).get('S3ModelArtifacts', 'none was written')}")
        say(f"billed: {done.get('BillableTimeInSeconds', 0)} s of {done.get('TrainingTimeInSeconds', 0)} s")
        say("next:", command(args, "deploy.py", "--training-job-name", name))
        print(name)


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--training-job-name", default=new_name(), help="default: xgboost-DATE-TIME")
    job_options(parser)
    parser.add_argument("--hyper-parameters", type=pair, nargs="+", action="extend", default=[], metavar="NAME=VALUE")
    waiting(parser, "training job")
    run(main, parse(parser, "--training-image", "--role-arn", "--train", "--s3-output-path"))
