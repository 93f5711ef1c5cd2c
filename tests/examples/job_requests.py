"""What train.py and tune.py ask AWS for, mode by mode."""

import pytest

from tests.examples.conftest import IMAGE, ROLE, TAG, TRAIN

TUNE = [*TRAIN, "--metric-name", "validation:rmse", "--parameter-ranges"]

# A script, its arguments, and some fields of the request for an operation: the path to a field and its value.
JOBS = [
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
]
