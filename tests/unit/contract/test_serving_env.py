import pytest

from container.contract.serving_env import MIB, SETTINGS, WITHOUT_EFFECT, ServingSettings
from container.errors import UserError


def test_defaults():
    settings = ServingSettings.from_env({})
    assert (settings.port, settings.timeout, settings.batch, settings.log_level) == (8080, 60, False, "INFO")
    assert settings.workers >= 1
    assert settings.default_accept == "text/csv"


def test_empty_is_unset():
    empty = {setting.variable: "" for setting in SETTINGS.values()}
    assert ServingSettings.from_env(empty) == ServingSettings.from_env({})


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "9000", "port", 9000),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", " 3 ", "workers", 3),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "3600", "timeout", 3600),
        ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json", "default_accept", "application/json"),
        ("SAGEMAKER_BATCH", "true", "batch", True),
        ("SAGEMAKER_BATCH", "True", "batch", True),
        ("SAGEMAKER_BATCH", "false", "batch", False),
        ("SAGEMAKER_BATCH", "0", "batch", False),
        ("SAGEMAKER_INFERENCE_OUTPUT", "probability, Labels,,probability", "output", ("probability", "labels")),
        ("SAGEMAKER_INFERENCE_ENSEMBLE", "false", "ensemble", False),
        ("SAGEMAKER_MULTI_MODEL", "true", "multi_model", True),
        ("SAGEMAKER_MULTI_MODEL", "false", "multi_model", False),
        ("ON_BAD_ROW", "Placeholder", "placeholders", True),
        ("ON_BAD_ROW", "fail", "placeholders", False),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "20", "log_level", "INFO"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ],
)
def test_read(variable, text, name, value):
    assert getattr(ServingSettings.from_env({variable: text}), name) == value


@pytest.mark.parametrize(
    ("environ", "limit", "payload"),
    [
        pytest.param({}, 25 * MIB, 6, id="real-time"),
        pytest.param({"SAGEMAKER_BATCH": "true"}, 100 * MIB, 6, id="batch"),
        pytest.param({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "20"}, 20 * MIB, 20, id="MB"),
        pytest.param({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "20", "SAGEMAKER_BATCH": "true"}, 20 * MIB, 20, id="MB in batch"),
        pytest.param({"MAX_CONTENT_LENGTH": "3145728"}, 3 * MIB, 3, id="bytes"),
        pytest.param({"MAX_CONTENT_LENGTH": "10"}, 10, 1, id="few bytes"),
        pytest.param({"MAX_CONTENT_LENGTH": "10", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "20"}, 10, 1, id="the exact one wins"),
    ],
)
def test_payload(environ, limit, payload):
    settings = ServingSettings.from_env(environ)
    assert (settings.body_limit, settings.batch_payload_mb) == (limit, payload)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "SAGEMAKER_BIND_TO_PORT",
            "http",
            "SAGEMAKER_BIND_TO_PORT: must be a whole number from 1 to 65535, got 'http'",
        ),
        ("SAGEMAKER_BIND_TO_PORT", "70000", "from 1 to 65535, got '70000'"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "0", "must be a whole number of at least 1, got '0'"),
        ("SAGEMAKER_BATCH", "maybe", "SAGEMAKER_BATCH: must be true or false, got 'maybe'"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "loud", "got 'loud'"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "15", "got '15'"),
    ],
)
def test_what_cannot_be_used_is_named(variable, text, message):
    with pytest.raises(UserError) as caught:
        ServingSettings.from_env({variable: text})
    assert message in str(caught.value)


@pytest.mark.parametrize("variable", WITHOUT_EFFECT)
def test_what_the_sdks_set_is_tolerated(variable):
    assert ServingSettings.from_env({variable: "x"}) == ServingSettings.from_env({})


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "SAGEMAKER_REGION": "us-east-1"}, "eu-west-1"),
        ({"AWS_REGION": "", "SAGEMAKER_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, ""),  # for boto3 to find
    ],
)
def test_region(environ, region):
    assert ServingSettings.from_env(environ).region == region


@pytest.mark.parametrize("variable", ["SAGEMAKER_PROGRAM", "FEATURE_GROUP_NAME"])
def test_what_multi_model_endpoints_do_not_have(variable):
    with pytest.raises(UserError) as caught:
        ServingSettings.from_env({variable: "x", "SAGEMAKER_MULTI_MODEL": "true"})
    said = f"{variable}: there is none for multi-model endpoints (SAGEMAKER_MULTI_MODEL); unset one"
    assert said in str(caught.value).splitlines()
    ServingSettings.from_env({variable: "x", "SAGEMAKER_MULTI_MODEL": "false"})


def test_all_problems_at_once():
    with pytest.raises(UserError) as caught:
        ServingSettings.from_env({"SAGEMAKER_BATCH": "x", "MAX_CONTENT_LENGTH": "-1"})
    assert len(str(caught.value).splitlines()) == 2
