"""What each mode of the scripts asks AWS for, held against botocore's models; without credentials or network."""

import re
from typing import Any

import pytest

from container.training.hyperparameters.metric_names import OUR_METRICS, XGBOOST_METRICS
from tests.examples.conftest import IMAGE, ROLE, ROOT, TAG, TRAIN, Scripts
from tests.support.api_model import faults

TUNE = [*TRAIN, "--metric-name", "validation:rmse", "--parameter-ranges"]
DEPLOY = ["--model-data-url", "s3://bucket/model.tar.gz", "--image", IMAGE, "--execution-role-arn", ROLE]
BATCH = [*DEPLOY, "--s3-uri", "s3://bucket/rows/", "--s3-output-path", "s3://bucket/predictions/"]

# A script, its arguments, and some fields of the request for an operation: the path to a field and its value.
CASES = [
    pytest.param(
        "train",
        [*TRAIN, "--hyper-parameters", "target=price", "objective=reg:squarederror", "--hyper-parameters", "eta=0.1"],
        "CreateTrainingJob",
        {
            "HyperParameters": {"target": "price", "objective": "reg:squarederror", "eta": "0.1"},
            "AlgorithmSpecification.TrainingImage": IMAGE,
            "AlgorithmSpecification.TrainingInputMode": "File",
            "RoleArn": ROLE,
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "ContentType": "text/csv",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": "s3://bucket/train/",
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            "EnableManagedSpotTraining": False,
            "EnableNetworkIsolation": False,
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "Tags": [TAG],
        },
        id="train",
    ),
    pytest.param(
        "train",
        [
            *TRAIN,
            "--training-input-mode",
            "FastFile",
            "--validation",
            "s3://bucket/validation/",
            "--content-type",
            "text/x",
        ],
        "CreateTrainingJob",
        {
            "AlgorithmSpecification.TrainingInputMode": "FastFile",
            "InputDataConfig.1.ChannelName": "validation",
            "InputDataConfig.1.ContentType": "text/x",
            "InputDataConfig.1.DataSource.S3DataSource.S3Uri": "s3://bucket/validation/",
        },
        id="train, FastFile, validation",
    ),
    pytest.param(
        "train",
        [*TRAIN, "--training-input-mode", "Pipe", "--enable-network-isolation", "--tags", "team=a", "cost=b=c"],
        "CreateTrainingJob",
        {
            "AlgorithmSpecification.TrainingInputMode": "Pipe",
            "EnableNetworkIsolation": True,
            "Tags": [TAG, {"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "b=c"}],
        },
        id="train, Pipe, isolated, tags",
    ),
    pytest.param(
        "train",
        [*TRAIN, "--enable-managed-spot-training", "--max-runtime-in-seconds", "600", "--training-job-name", "j"],
        "CreateTrainingJob",
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 4200},
            "CheckpointConfig.S3Uri": "s3://bucket/out/j/checkpoints/",
        },
        id="train on spot",
    ),
    pytest.param(
        "train",
        [
            *TRAIN,
            *("--enable-managed-spot-training", "--max-wait-time-in-seconds", "7200"),
            *("--checkpoint-s3-uri", "s3://c/", "--instance-count", "3", "--instance-type", "ml.g5.xlarge"),
            *("--s3-data-distribution-type", "ShardedByS3Key", "--volume-size-in-gb", "99"),
            *("--metric-definitions", "validation:ndcg@5", "--validation", "s3://bucket/v/"),
        ],
        "CreateTrainingJob",
        {
            "StoppingCondition.MaxWaitTimeInSeconds": 7200,
            "CheckpointConfig.S3Uri": "s3://c/",
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 3, "VolumeSizeInGB": 99},
            "InputDataConfig.0.DataSource.S3DataSource.S3DataDistributionType": "ShardedByS3Key",
            "InputDataConfig.1.DataSource.S3DataSource.S3DataDistributionType": "FullyReplicated",
            "AlgorithmSpecification.MetricDefinitions": [
                {"Name": "validation:ndcg@5", "Regex": r".*\[[0-9]+\].*validation-ndcg@5:(-?[0-9.]+)"}
            ],
        },
        id="train on several",
    ),
    pytest.param(
        "tune",
        [*TUNE, "eta=0.01:0.3:log", "max_depth=3:10", "booster=gbtree,dart", "--static-hyper-parameters", "target=y"],
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:rmse"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": {
                    "ContinuousParameterRanges": [
                        {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
                    ],
                    "IntegerParameterRanges": [
                        {"Name": "max_depth", "MinValue": "3", "MaxValue": "10", "ScalingType": "Auto"}
                    ],
                    "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
                },
                "TrainingJobEarlyStoppingType": "Auto",
            },
            "TrainingJobDefinition.StaticHyperParameters": {"target": "y"},
            "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions": [
                {"Name": "validation:rmse", "Regex": r".*\[[0-9]+\].*validation-rmse:(-?[0-9.]+)"}
            ],
            "Tags": [TAG],
        },
        id="tune",
    ),
    pytest.param(
        "tune",
        [
            *(*TUNE, "subsample=0.5:1:linear", "--metric-name", "validation:auc", "--strategy", "Random"),
            *("--max-number-of-training-jobs", "6", "--max-parallel-training-jobs", "3", "--random-seed", "7"),
            *("--training-job-early-stopping-type", "Off", "--parent-hyper-parameter-tuning-jobs", "a", "b"),
            *("--metric-definitions", "train:auc", "--enable-managed-spot-training"),
        ],
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.Type": "Maximize",
            "HyperParameterTuningJobConfig.Strategy": "Random",
            "HyperParameterTuningJobConfig.RandomSeed": 7,
            "HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType": "Off",
            "HyperParameterTuningJobConfig.ResourceLimits": {
                "MaxNumberOfTrainingJobs": 6,
                "MaxParallelTrainingJobs": 3,
            },
            "HyperParameterTuningJobConfig.ParameterRanges.ContinuousParameterRanges.0.ScalingType": "Linear",
            "WarmStartConfig": {
                "ParentHyperParameterTuningJobs": [
                    {"HyperParameterTuningJobName": "a"},
                    {"HyperParameterTuningJobName": "b"},
                ],
                "WarmStartType": "IdenticalDataAndAlgorithm",
            },
            "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions.1.Name": "train:auc",
            "TrainingJobDefinition.StoppingCondition.MaxWaitTimeInSeconds": 7200,
        },
        id="tune at random, warm",
    ),
    pytest.param(
        "tune",
        [*TUNE, "booster=gbtree,dart", "--strategy", "Grid", "--type", "Maximize"],
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobConfig.ResourceLimits": {"MaxParallelTrainingJobs": 2},
            "HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType": "Off",
            "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.Type": "Maximize",
        },
        id="tune on a grid",
    ),
    pytest.param(
        "tune",
        [*TUNE, "eta=0.1:0.9:reverselog", "--strategy", "Hyperband"],
        "CreateHyperParameterTuningJob",
        {"HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType": "Off"},
        id="tune by Hyperband",
    ),
    pytest.param(
        "deploy",
        [
            *DEPLOY,
            "--environment",
            "SAGEMAKER_INFERENCE_OUTPUT=predicted_label,margin",
            "--environment",
            "ON_BAD_ROW=fail",
        ],
        "CreateModel",
        {
            "PrimaryContainer": {
                "Image": IMAGE,
                "Mode": "SingleModel",
                "ModelDataUrl": "s3://bucket/model.tar.gz",
                "Environment": {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,margin", "ON_BAD_ROW": "fail"},
            },
            "ExecutionRoleArn": ROLE,
            "Tags": [TAG],
        },
        id="deploy, the model",
    ),
    pytest.param(
        "deploy",
        ["--training-job-name", "j", "--endpoint-name", "e"],
        "CreateModel",
        {"ModelName": "e", "PrimaryContainer.ModelDataUrl": "s3://artifact-of/j"},
        id="deploy a training job",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--endpoint-name", "e", "--instance-type", "ml.c5.xlarge", "--initial-instance-count", "2"],
        "CreateEndpointConfig",
        {
            "EndpointConfigName": "e",
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "ModelName": "e",
                    "InstanceType": "ml.c5.xlarge",
                    "InitialInstanceCount": 2,
                }
            ],
            "Tags": [TAG],
        },
        id="deploy, real-time",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--endpoint-name", "e"],
        "CreateEndpoint",
        {"EndpointName": "e", "EndpointConfigName": "e", "Tags": [TAG]},
        id="deploy, the endpoint",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--serverless", "--memory-size-in-mb", "4096", "--max-concurrency", "9"],
        "CreateEndpointConfig",
        {"ProductionVariants.0.ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 9}},
        id="deploy, serverless",
    ),
    pytest.param(
        "deploy",
        [
            *(*DEPLOY, "--s3-output-path", "s3://bucket/o/", "--s3-failure-path", "s3://bucket/f/"),
            *("--max-concurrent-invocations-per-instance", "4"),
        ],
        "CreateEndpointConfig",
        {
            "AsyncInferenceConfig": {
                "OutputConfig": {"S3OutputPath": "s3://bucket/o/", "S3FailurePath": "s3://bucket/f/"},
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
            }
        },
        id="deploy, asynchronous",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--mode", "MultiModel", "--model-data-url", "s3://bucket/models/"],
        "CreateModel",
        {"PrimaryContainer.Mode": "MultiModel", "PrimaryContainer.ModelDataUrl": "s3://bucket/models/"},
        id="deploy, multi-model",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--destination-s3-uri", "s3://bucket/captured/", "--initial-sampling-percentage", "20"],
        "CreateEndpointConfig",
        {
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 20,
                "DestinationS3Uri": "s3://bucket/captured/",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
            }
        },
        id="deploy, data capture",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--endpoint-name", "e", "--max-capacity", "4", "--min-capacity", "2", "--tags", "team=a"],
        "RegisterScalableTarget",
        {
            "ServiceNamespace": "sagemaker",
            "ResourceId": "endpoint/e/variant/AllTraffic",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "MinCapacity": 2,
            "MaxCapacity": 4,
            "Tags": {TAG["Key"]: TAG["Value"], "team": "a"},
        },
        id="deploy, what scales",
    ),
    pytest.param(
        "deploy",
        [
            *(*DEPLOY, "--max-capacity", "4", "--target-value", "70"),
            *("--scale-in-cooldown", "900", "--scale-out-cooldown", "30"),
        ],
        "PutScalingPolicy",
        {
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                "TargetValue": 70.0,
                "ScaleInCooldown": 900,
                "ScaleOutCooldown": 30,
            },
        },
        id="deploy, how it scales",
    ),
    pytest.param(
        "deploy",
        [*DEPLOY, "--endpoint-name", "e", "--max-capacity", "4", "--s3-output-path", "s3://bucket/o/"],
        "PutScalingPolicy",
        {
            "TargetTrackingScalingPolicyConfiguration.TargetValue": 5.0,
            "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
                "Statistic": "Average",
            },
        },
        id="deploy, how an asynchronous one scales",
    ),
    pytest.param(
        "batch",
        [*BATCH, "--join-source", "Input", "--input-filter", "$[1:]", "--output-filter", "$[0,-1]"],
        "CreateTransformJob",
        {
            "BatchStrategy": "MultiRecord",
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/rows/"}},
                "ContentType": "text/csv",
                "CompressionType": "None",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": "s3://bucket/predictions/",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
            "Tags": [TAG],
        },
        id="batch, joined",
    ),
    pytest.param(
        "batch",
        [
            *("--model-name", "m", "--s3-uri", "s3://bucket/rows.jsonl.gz", "--s3-output-path", "s3://bucket/p/"),
            *("--content-type", "application/jsonlines", "--compression-type", "Gzip", "--instance-count", "2"),
            *("--batch-strategy", "SingleRecord", "--max-payload-in-mb", "20", "--max-concurrent-transforms", "4"),
            *("--accept", "application/jsonlines", "--environment", "A=b"),
        ],
        "CreateTransformJob",
        {
            "ModelName": "m",
            "BatchStrategy": "SingleRecord",
            "MaxPayloadInMB": 20,
            "MaxConcurrentTransforms": 4,
            "TransformInput.CompressionType": "Gzip",
            "TransformOutput.Accept": "application/jsonlines",
            "TransformResources.InstanceCount": 2,
            "Environment": {"A": "b"},
        },
        id="batch, of a model that is there",
    ),
    pytest.param(
        "predict",
        [
            *("--endpoint-name", "e", "--custom-attributes", "output=probability", "--target-model", "a.tar.gz"),
            *("--accept", "application/json"),
        ],
        "InvokeEndpoint",
        {
            "EndpointName": "e",
            "ContentType": "text/csv",
            "Accept": "application/json",
            "CustomAttributes": "output=probability",
            "TargetModel": "a.tar.gz",
        },
        id="predict",
    ),
    pytest.param(
        "predict",
        ["--endpoint-name", "e", "--input-location", "s3://bucket/in/rows.csv", "--content-type", "text/csv"],
        "InvokeEndpointAsync",
        {"InputLocation": "s3://bucket/in/rows.csv", "ContentType": "text/csv"},
        id="predict, asynchronously",
    ),
    pytest.param(
        "clean_up", ["--name-prefix", "ames"], "ListEndpoints", {"NameContains": "ames"}, id="clean up, by prefix"
    ),
]


@pytest.mark.parametrize(("script", "arguments", "operation", "expected"), CASES)
def test_the_requests(
    script: str, arguments: list[str], operation: str, expected: dict[str, Any], bare: Scripts
) -> None:
    requests = bare.dry(script, *arguments)
    for request in requests:
        assert faults(request["Service"], request["Operation"], request["Request"]) == []
    (found,) = [request["Request"] for request in requests if request["Operation"] == operation]
    assert {path: _at(found, path) for path in expected} == expected


def _at(request: Any, path: str) -> Any:
    for part in path.split("."):
        request = request[int(part) if part.isdigit() else part]
    return request


def test_what_is_made_in_which_order(bare: Scripts) -> None:
    made = [request["Operation"] for request in bare.dry("deploy", "--training-job-name", "j", "--max-capacity", "2")]
    assert made == [
        "DescribeTrainingJob",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "DescribeEndpoint",
        "RegisterScalableTarget",
        "PutScalingPolicy",
    ]


def test_a_job_may_have_so_many_metrics(bare: Scripts) -> None:
    """Those that are charted without being asked for are metrics that the image knows."""
    (request, _) = bare.dry("train", *TRAIN)
    definitions = request["Request"]["AlgorithmSpecification"]["MetricDefinitions"]
    names = {entry["Name"] for entry in definitions}
    assert len(names) == len(definitions) <= 40
    assert {name.partition(":")[2] for name in names} <= {*XGBOOST_METRICS, *OUR_METRICS}


def test_metrics_are_found_as_documented(bare: Scripts) -> None:
    """tests/contract/test_metric_definitions.py tries the page's on a real log."""
    page = (ROOT / "docs" / "training.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+:\w+)` \| `(.+)` \|$", page, re.MULTILINE))
    (request, _) = bare.dry("train", *TRAIN)
    definitions = request["Request"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert documented.items() <= {(entry["Name"], entry["Regex"]) for entry in definitions}
    assert documented


def test_a_file_is_sent_as_it_is(bare: Scripts) -> None:
    for name, content_type in [("a.json", "application/json"), ("a.jsonl", "application/jsonlines"), ("a", "text/csv")]:
        (bare.folder / name).write_text("1,é\n")
        (request,) = bare.dry("predict", "--endpoint-name", "e", name)
        assert request["Request"]["Body"] == "1,é\n"
        assert request["Request"]["ContentType"] == content_type


def test_the_model_knows_what_it_refuses() -> None:
    """The check itself finds what botocore lets pass."""
    request = {"EndpointName": "a b", "EndpointConfigName": "x" * 64, "Tags": []}
    assert len(faults("sagemaker", "CreateEndpoint", request)) == 3
    assert faults("sagemaker", "CreateEndpoint", {"Name": "x"}) != []
    assert faults("sagemaker", "ListEndpoints", {"MaxResults": 101}) != []
    assert faults("sagemaker", "ListEndpoints", {"StatusEquals": "Good"}) != []
