#!/usr/bin/env python3
"""Deploy a model: CreateModel, CreateEndpointConfig and CreateEndpoint, then wait until it is in service.

    deploy.py --training-job-name xgboost-20260102-030405                   # an instance that is always there
    deploy.py --training-job-name … --min-capacity 1 --max-capacity 4       # as many as the requests take
    deploy.py --training-job-name … --serverless                            # billed by the request
    deploy.py --training-job-name … --s3-output-path s3://my-bucket/out/    # asynchronous: replies go to S3
    deploy.py --mode MultiModel --model-data-url s3://my-bucket/models/ …   # many models, each a .tar.gz in there

The options are named after the API's fields. The endpoint's name is printed on standard output.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from common import Aws, camel, command, given, new_name, options, pair, parse, run, s3_uri, say, tags, waiting
from errors import ScriptError
from progress import later, left_running, watch
from scaling import autoscale, scaling_arguments, scaling_options

VARIANT = "AllTraffic"


def model_options(parser: argparse.ArgumentParser) -> None:
    """What a model is made of; batch.py has these too."""
    add = parser.add_argument
    add("--training-job-name", metavar="NAME", help="take the image, the role and the artifact of this job")
    add(
        "--model-data-url",
        type=s3_uri,
        metavar="S3URI",
        help="take this model.tar.gz; with MultiModel, a folder of them",
    )
    add("--image", metavar="URI", help="what build_and_push.sh prints; default: the training job's")
    add("--execution-role-arn", metavar="ARN", help="the role that the model acts as; default: the training job's")
    add(
        "--environment",
        type=pair,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings of the server, such as SAGEMAKER_INFERENCE_OUTPUT=predicted_label,probability",
    )
    add("--enable-network-isolation", action="store_true", help="the container has no network")


def create_model(args: argparse.Namespace, aws: Aws, name: str, mode: str = "SingleModel") -> None:
    """CreateModel under this name.

    Raises ScriptError where neither the options nor a training job say what it is made of.
    """
    image, role, data = args.image, args.execution_role_arn, args.model_data_url
    if args.training_job_name:
        of = args.training_job_name
        unknown = {
            "AlgorithmSpecification": {"TrainingImage": f"image-of-{of}"},
            "RoleArn": f"arn:aws:iam::000000000000:role/role-of-{of}",
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://artifact-of/{of}"},
        }
        job = aws.call("sagemaker", "describe_training_job", unknown, TrainingJobName=args.training_job_name)
        image, role = image or job["AlgorithmSpecification"].get("TrainingImage"), role or job["RoleArn"]
        data = data or job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        if not data:
            raise ScriptError(f"{args.training_job_name} has written no model; wait for it: train.py --wait NAME")
    there = {"--model-data-url": data, "--image": image, "--execution-role-arn": role}
    missing = [option for option, value in there.items() if not value]
    if missing:
        raise ScriptError(f"{', '.join(missing)}: needed, or --training-job-name NAME, which tells them")
    aws.call(
        "sagemaker",
        "create_model",
        ModelName=name,
        PrimaryContainer={"Image": image, "Mode": mode, "ModelDataUrl": data, "Environment": dict(args.environment)},
        ExecutionRoleArn=role,
        EnableNetworkIsolation=args.enable_network_isolation,
        Tags=tags(args),
    )


def endpoint_config(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """The fields of CreateEndpointConfig: one variant of the model by this name, and what goes with it."""
    variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": name}
    if args.serverless:
        variant["ServerlessConfig"] = {"MemorySizeInMB": args.memory_size_in_mb, "MaxConcurrency": args.max_concurrency}
    else:
        variant |= {"InstanceType": args.instance_type, "InitialInstanceCount": args.initial_instance_count}
    replies: dict[str, Any] = {}
    if args.s3_output_path:
        output = given(S3OutputPath=args.s3_output_path, S3FailurePath=args.s3_failure_path)
        client = given(MaxConcurrentInvocationsPerInstance=args.max_concurrent_invocations_per_instance)
        replies = given(OutputConfig=output, ClientConfig=client)
    capture: dict[str, Any] = {}
    if args.destination_s3_uri:
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": args.initial_sampling_percentage,
            "DestinationS3Uri": args.destination_s3_uri,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            # Of these types the bodies are kept as text; of others as base64.
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
        }
    return given(
        EndpointConfigName=name, ProductionVariants=[variant], AsyncInferenceConfig=replies, DataCaptureConfig=capture
    )


def create_endpoint(args: argparse.Namespace, aws: Aws, name: str) -> None:
    """The three of one name, or none of them: what was made before one was refused is removed again."""
    made: list[str] = []
    try:
        create_model(args, aws, name, args.mode)
        made.append("model")
        aws.call("sagemaker", "create_endpoint_config", **endpoint_config(args, name), Tags=tags(args))
        made.append("endpoint_config")
        aws.call("sagemaker", "create_endpoint", EndpointName=name, EndpointConfigName=name, Tags=tags(args))
    except (BotoCoreError, ClientError):
        for what in reversed(made):
            with suppress(BotoCoreError, ClientError):  # the first error is the one to tell
                aws.call("sagemaker", f"delete_{what}", **{f"{camel(what)}Name": name})
        raise


def main(args: argparse.Namespace, aws: Aws) -> None:
    """Make the endpoint, unless it is there, wait for it, and have it scale."""
    name = args.wait or args.endpoint_name
    stop, again = command(args, "clean_up.py", "--name-prefix", name), scaling_arguments(args)
    with left_running(args, name, stop, *again):
        if not args.wait:
            create_endpoint(args, aws, name)
        if args.no_wait:
            later(args, name, stop, *again)
            return
        done = watch(args, aws, "endpoint", name, *again)
        if args.max_capacity:
            autoscale(args, aws, name, VARIANT)
    if done:
        more = ["--input-location", "s3://my-bucket/in/rows.csv"] if args.s3_output_path else []
        more += ["--target-model", "model.tar.gz"] if args.mode == "MultiModel" else []
        say("next:", command(args, "predict.py", "--endpoint-name", name, *more, "rows.csv"))
        say("then:", command(args, "clean_up.py"), "(an endpoint costs money while it is there)")
        print(name)


def refuse_what_serverless_lacks(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """AWS says so only when the endpoint is made, and in other words."""
    lacks = {
        "--mode MultiModel": args.mode == "MultiModel",
        "--s3-output-path": args.s3_output_path,
        "--destination-s3-uri": args.destination_s3_uri,
        "--max-capacity": args.max_capacity,
        "--enable-network-isolation": args.enable_network_isolation,
    }
    both = [option for option, there in lacks.items() if there]
    if args.serverless and both:
        parser.error(f"a serverless endpoint does not have {' and '.join(both)}; leave out one or the other")


if __name__ == "__main__":
    parser = options(__doc__)
    add = parser.add_argument
    add(
        "--endpoint-name",
        default=new_name(),
        help="also of its model and configuration; default: xgboost-DATE-TIME",
    )
    model_options(parser)
    add("--mode", choices=["SingleModel", "MultiModel"], default="SingleModel", help="default: %(default)s")
    add("--instance-type", default="ml.m5.large", help="default: %(default)s")
    add("--initial-instance-count", type=int, default=1, help="default: %(default)s")
    add("--serverless", action="store_true", help="no instances: billed by the request")
    add("--memory-size-in-mb", type=int, default=2048, help="serverless: 1024, 2048, … 6144; default: %(default)s")
    add("--max-concurrency", type=int, default=5, help="serverless: requests at once; default: %(default)s")
    add("--s3-output-path", type=s3_uri, metavar="S3URI", help="asynchronous: replies are written here")
    add("--s3-failure-path", type=s3_uri, metavar="S3URI", help="asynchronous: … and those that are errors")
    add("--max-concurrent-invocations-per-instance", type=int, help="asynchronous; default: SageMaker's choice")
    add("--destination-s3-uri", type=s3_uri, metavar="S3URI", help="data capture: requests and replies are kept here")
    add("--initial-sampling-percentage", type=int, default=100, help="data capture; default: %(default)s")
    scaling_options(parser)
    waiting(parser, "endpoint")
    args = parse(parser)
    refuse_what_serverless_lacks(parser, args)
    run(main, args)
