"""How many instances an endpoint has: a policy of Application Auto Scaling."""

from __future__ import annotations

import argparse
from typing import Any

from common import Aws, say, tags

DIMENSION = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


def scaling_options(parser: argparse.ArgumentParser) -> None:
    """The options of RegisterScalableTarget and PutScalingPolicy."""
    add = parser.add_argument
    add("--max-capacity", type=int, help="scale up to so many instances; default: the count stays as it is")
    add("--min-capacity", type=int, default=1, help="default: %(default)s")
    add(
        "--target-value",
        type=float,
        help="invocations a minute, or asynchronous: waiting requests, for each; default: 1000, or 5",
    )
    add("--scale-out-cooldown", type=int, default=60, help="seconds before more are added; default: %(default)s")
    add("--scale-in-cooldown", type=int, default=300, help="seconds before more are taken away; default: %(default)s")


def scaling_arguments(args: argparse.Namespace) -> list[str]:
    """The options that the policy is made of, as they are typed; none where there is to be none."""
    names = [
        "max_capacity",
        "min_capacity",
        "target_value",
        "scale_out_cooldown",
        "scale_in_cooldown",
        "s3_output_path",
    ]
    values = {name: getattr(args, name) for name in names if args.max_capacity and getattr(args, name) is not None}
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def resource_id(endpoint: str, variant: str) -> str:
    """What Application Auto Scaling calls a variant of an endpoint."""
    return f"endpoint/{endpoint}/variant/{variant}"


def autoscale(args: argparse.Namespace, aws: Aws, endpoint: str, variant: str) -> None:
    """Keep the invocations (asynchronous: the waiting requests) of each instance near --target-value."""
    target = {**DIMENSION, "ResourceId": resource_id(endpoint, variant)}
    aws.call(
        "application-autoscaling",
        "register_scalable_target",
        **target,
        MinCapacity=args.min_capacity,
        MaxCapacity=args.max_capacity,
        Tags={tag["Key"]: tag["Value"] for tag in tags(args)},
    )
    aws.call(
        "application-autoscaling",
        "put_scaling_policy",
        **target,
        PolicyName=f"{endpoint}-{variant}",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            **_metric(args, endpoint),
            "ScaleOutCooldown": args.scale_out_cooldown,
            "ScaleInCooldown": args.scale_in_cooldown,
        },
    )
    say(f"scales from {args.min_capacity} to {args.max_capacity} instances")


def _metric(args: argparse.Namespace, endpoint: str) -> dict[str, Any]:
    if not args.s3_output_path:
        invocations = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        return {"PredefinedMetricSpecification": invocations, "TargetValue": args.target_value or 1000.0}
    # What waits in an asynchronous endpoint's queue has not been an invocation yet.
    backlog = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
    }
    return {"CustomizedMetricSpecification": backlog, "TargetValue": args.target_value or 5.0}
