"""Does the SDK take what examples/local_mode.py takes, and does what the AWS half of the notebooks imports exist?

Run as a program of its own, with the Python of the notebooks: stand_ins.py EXAMPLES.
"""

import ast
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

examples = Path(sys.argv[1])
sys.path.insert(0, str(examples))

import local_mode  # noqa: E402
from sagemaker.core.resources import Endpoint, Model  # noqa: E402
from sagemaker.core.transformer import Transformer  # noqa: E402
from sagemaker.serve.model_builder import ModelBuilder  # noqa: E402


def names(function: Callable[..., Any]) -> set[str]:
    """The names of its parameters, but for those that take any."""
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind not in (2, 4)}


for ours, theirs in (
    (local_mode.ModelBuilder, ModelBuilder),
    (local_mode.ModelBuilder.build, ModelBuilder.build),
    (local_mode.ModelBuilder.deploy, ModelBuilder.deploy),
    (local_mode.ModelBuilder.transformer, ModelBuilder.transformer),
    (local_mode.Transformer.transform, Transformer.transform),
    (local_mode.Endpoint.invoke, Endpoint.invoke),
    (local_mode.Endpoint.delete, Endpoint.delete),
    (local_mode.Model.delete, Model.delete),
):
    assert names(ours) <= names(theirs), (ours, names(ours) - names(theirs))
assert "endpoint_status" in Endpoint.model_fields

for notebook in examples.glob("*.ipynb"):
    first = next(cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code")
    (choice,) = [node for node in ast.parse("".join(first["source"])).body if isinstance(node, ast.If)]
    imports = [node for node in choice.orelse if isinstance(node, ast.ImportFrom)]
    assert len(imports) >= 4
    exec(ast.unparse(ast.Module(imports, [])))
    defined = {
        name
        for node in choice.orelse
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef)
            else [target.id for target in node.targets]
            if isinstance(node, ast.Assign)
            else []
        )
    }
    # Both halves give the cells below the same names.
    local = {alias.name for node in choice.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assigned = [node.targets[0] for node in choice.body if isinstance(node, ast.Assign)]
    local |= {element.id for target in assigned for element in target.elts}
    assert local <= defined | {"ModelBuilder", "ModelTrainer"}, local - defined
