import json

import pytest

from container.contract.job import Channel, Resources, TrainingJob
from container.contract.paths import OptMl
from container.errors import UserError


@pytest.fixture
def opt_ml(tmp_path):
    opt_ml = OptMl(tmp_path)
    opt_ml.config.mkdir(parents=True)
    opt_ml.data.mkdir()
    return opt_ml


def write(file, content):
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_job_on_the_platform(opt_ml):
    write(opt_ml.hyperparameters, {"eta": "0.1", "objective": '"binary:logistic"', "sagemaker_region": '"eu-west-1"'})
    write(
        opt_ml.input_data_config,
        {
            "train": {
                "ContentType": "text/csv",
                "TrainingInputMode": "Pipe",
                "S3DistributionType": "ShardedByS3Key",
                "RecordWrapperType": "RecordIO",
            },
            "validation": {"TrainingInputMode": "File", "RecordWrapperType": "None"},
        },
    )
    write(
        opt_ml.resource_config,
        {
            "current_host": "algo-2",
            "hosts": ["algo-1", "algo-2"],
            "network_interface_name": "eth0",
            "current_instance_type": "ml.m5.large",
            "instance_groups": [],
        },
    )
    job = TrainingJob.read(opt_ml)
    assert job == TrainingJob(
        channels={
            "train": Channel("train", opt_ml.data / "train", "text/csv", "Pipe", "ShardedByS3Key", "RecordIO"),
            "validation": Channel("validation", opt_ml.data / "validation"),
        },
        resources=Resources("algo-2", ("algo-1", "algo-2"), "eth0"),
        hyperparameters={"eta": "0.1", "objective": '"binary:logistic"', "sagemaker_region": '"eu-west-1"'},
    )


def test_nothing_is_required(tmp_path):
    assert TrainingJob.read(OptMl(tmp_path)) == TrainingJob({}, Resources(), {})


def test_without_configuration_the_folders_are_the_channels(opt_ml):
    (opt_ml.data / "validation").mkdir()
    (opt_ml.data / "train").mkdir()
    (opt_ml.data / ".hidden").mkdir()
    (opt_ml.data / "train-manifest").write_text("{}")
    assert list(TrainingJob.read(opt_ml).channels) == ["train", "validation"]


def test_with_configuration_folders_beside_it_are_no_channels(opt_ml):
    (opt_ml.data / "stray").mkdir()
    write(opt_ml.input_data_config, {"train": {}})
    assert list(TrainingJob.read(opt_ml).channels) == ["train"]


def test_hand_written_values_need_no_quotes(opt_ml):
    write(opt_ml.hyperparameters, {"eta": 0.1, "ignore_columns": ["a", 2], "csv_weights": True})
    assert TrainingJob.read(opt_ml).hyperparameters == {
        "eta": "0.1",
        "ignore_columns": '["a", 2]',
        "csv_weights": "true",
    }


def test_a_byte_order_mark_is_no_fault(opt_ml):
    opt_ml.hyperparameters.write_bytes(b'\xef\xbb\xbf{"eta": "1"}')
    assert TrainingJob.read(opt_ml).hyperparameters == {"eta": "1"}


@pytest.mark.parametrize(
    ("config", "resources"),
    [
        pytest.param({}, Resources(), id="empty"),
        pytest.param({"current_host": "algo-1-x7k2p"}, Resources("algo-1-x7k2p", ("algo-1-x7k2p",)), id="no hosts"),
        pytest.param({"hosts": None, "network_interface_name": ""}, Resources(), id="null and empty"),
    ],
)
def test_resources_left_out(opt_ml, config, resources):
    write(opt_ml.resource_config, config)
    assert TrainingJob.read(opt_ml).resources == resources


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(
            "hyperparameters",
            '{"eta": "1",\n "x" 2}',
            "hyperparameters.json is not JSON: Expecting ':' delimiter at line 2 column 6",
            id="syntax",
        ),
        pytest.param("hyperparameters", "", "hyperparameters.json is not JSON: Expecting value at line 1", id="empty"),
        pytest.param("hyperparameters", [1], "hyperparameters.json must hold a JSON object, got [1]", id="list"),
        pytest.param(
            "input_data_config",
            {"train": "text/csv"},
            "inputdataconfig.json: channel 'train' must be a JSON object, got 'text/csv'",
            id="channel",
        ),
        pytest.param(
            "input_data_config",
            {"train": {"ContentType": 5}},
            "inputdataconfig.json: ContentType of channel 'train' must be text, got 5",
            id="content type",
        ),
        pytest.param(
            "resource_config",
            {"current_host": "algo-1", "hosts": "algo-1"},
            'resourceconfig.json: hosts must be a list of names, got "algo-1"',
            id="hosts",
        ),
        pytest.param(
            "resource_config", {"current_host": 1}, "resourceconfig.json: current_host must be text, got 1", id="number"
        ),
        pytest.param(
            "resource_config",
            {"current_host": "a", "hosts": ["b"]},
            "resourceconfig.json: current_host 'a' must be one of hosts, got ['b']",
            id="host",
        ),
    ],
)
def test_broken_files_are_named(opt_ml, name, content, message):
    write(getattr(opt_ml, name), content)
    with pytest.raises(UserError) as caught:
        TrainingJob.read(opt_ml)
    assert str(caught.value).startswith(message)


def test_not_utf_8(opt_ml):
    opt_ml.hyperparameters.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(UserError, match=r"hyperparameters\.json is not UTF-8: byte 7"):
        TrainingJob.read(opt_ml)


def test_not_a_file(opt_ml):
    opt_ml.hyperparameters.mkdir()
    with pytest.raises(UserError, match=r"hyperparameters\.json cannot be read: Is a directory; check"):
        TrainingJob.read(opt_ml)


def test_a_data_folder_that_is_none(opt_ml):
    opt_ml.data.rmdir()
    opt_ml.data.write_text("")
    with pytest.raises(UserError, match=r"input/data cannot be read: Not a directory; check its permissions"):
        TrainingJob.read(opt_ml)
