"""Rules of multi-model endpoints, for images that declare them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

from contract_check.asking import Reply
from contract_check.context import Context
from contract_check.endpoint import Endpoint
from contract_check.rule import FAIL, GUIDE, NOT_APPLICABLE, Result, Rule, found

_CONTRACT = GUIDE + "mms-container-apis.html"

LIST = Rule(
    "multi-model-list",
    "GET /models lists what is loaded, GET /models/NAME one of them; 404 where it is unknown.",
    _CONTRACT,
    'Answer {"models": [{"modelName": …, "modelUrl": …}]}, from one state for all worker processes.',
)
LOAD = Rule(
    "multi-model-load",
    "POST /models loads a model from a folder: 200, or 409 where that name is loaded already.",
    _CONTRACT,
    "Load from the folder that url names, and keep the name as it is: it is opaque.",
)
INVOKE = Rule(
    "multi-model-invoke",
    "POST /models/NAME/invoke predicts with that model; 404 where it is not loaded.",
    _CONTRACT,
    "Answer as on /invocations, with the model of that name.",
)
UNLOAD = Rule(
    "multi-model-unload",
    "DELETE /models/NAME unloads the model: 200, or 404 where it is unknown.",
    _CONTRACT,
    "Free the memory before the reply, in every worker process.",
)
RULES = [LIST, LOAD, INVOKE, UNLOAD]

FOLDER = "/opt/ml/models"
NAME = "c8f1e2d4a6b30597"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def check(context: Context) -> Iterator[Result]:
    """All results, from one container that starts without a model."""
    if not context.label("multi-models"):
        for rule in RULES:
            yield Result(rule, NOT_APPLICABLE, "the image does not have the label multi-models")
        return
    context.tell("loading and unloading models")
    tree = {f"{NAME}/model/{path}": content for path, content in context.model.items()}
    endpoint = Endpoint(context, tree, "--env", "SAGEMAKER_MULTI_MODEL=true", folder=FOLDER)
    trouble = endpoint.healthy(context.limits.start)
    if trouble:
        yield Result(LIST, FAIL, f"with SAGEMAKER_MULTI_MODEL=true: {trouble}")
        for rule in (LOAD, INVOKE, UNLOAD):
            yield Result(rule, NOT_APPLICABLE, "the server did not start")
    else:
        seen = _talk(endpoint)
        for rule in RULES:
            yield found(rule, seen[rule.name], "as AWS says, with one model")
    endpoint.remove()


def _talk(endpoint: Endpoint) -> dict[str, str]:
    """The life of one model: the first thing that went wrong for each rule, or nothing."""
    model, url = f"/models/{NAME}", f"{FOLDER}/{NAME}/model"
    load = json.dumps({"model_name": NAME, "url": url}).encode()
    trouble = dict.fromkeys((rule.name for rule in RULES), "")

    def expect(rule: Rule, step: str, reply: Reply, status: int) -> None:
        if reply.status != status and not trouble[rule.name]:
            trouble[rule.name] = f"{step}: {status} expected, got {reply}"

    def expect_list(step: str, names: list[str]) -> None:
        # Several times, as another worker process may answer each.
        for _ in range(8):
            reply = endpoint.get("/models")
            expect(LIST, f"GET /models {step}", reply, 200)
            listed = _listed(reply)
            if reply.status == 200 and listed != names and not trouble[LIST.name]:
                trouble[LIST.name] = f"GET /models {step} says {reply}"

    expect_list("before any was loaded", [])
    expect(LIST, "GET of an unknown model", endpoint.get(model), 404)
    expect(INVOKE, "invoking an unknown model", endpoint.predict(path=f"{model}/invoke"), 404)
    expect(LOAD, "loading a model", endpoint.send("POST", "/models", load, _JSON), 200)
    expect(LOAD, "loading it again", endpoint.send("POST", "/models", load, _JSON), 409)
    expect_list("with one loaded", [NAME])
    expect(LIST, "GET of a loaded model", endpoint.get(model), 200)
    for _ in range(8):
        expect(INVOKE, "invoking a loaded model", endpoint.predict(path=f"/models/{quote(NAME)}/invoke"), 200)
    expect(UNLOAD, "unloading it", endpoint.send("DELETE", model, b"", {}), 200)
    for _ in range(8):
        expect(UNLOAD, "invoking it afterwards", endpoint.predict(path=f"{model}/invoke"), 404)
    expect(UNLOAD, "unloading it again", endpoint.send("DELETE", model, b"", {}), 404)
    expect_list("after it was unloaded", [])
    return trouble


def _listed(reply: Reply) -> list[str] | None:
    """The names in the list, None where it is none."""
    try:
        return [str(model["modelName"]) for model in json.loads(reply.body)["models"] if model["modelUrl"]]
    except (ValueError, TypeError, KeyError):
        return None
