"""What deploy.py, batch.py, predict.py and clean_up.py ask AWS for, mode by mode."""

import pytest

from tests.examples.conftest import IMAGE, ROLE, TAG

DEPLOY = ["--model-data-url", "s3://bucket/model.tar.gz", "--image", IMAGE, "--execution-role-arn", ROLE]
BATCH = [*DEPLOY, "--s3-uri", "s3://bucket/rows/", "--s3-output-path", "s3://bucket/predictions/"]

# A script, its arguments, and some fields of the request for an operation: the path to a field and its value.
SERVING = [
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
