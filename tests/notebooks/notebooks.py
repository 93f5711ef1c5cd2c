"""What the tests look for in a notebook's JSON."""

import json
import re
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))


class Notebook:
    """A notebook file."""

    def __init__(self, path: Path) -> None:
        self.content: dict[str, Any] = json.loads(path.read_text())

    def cells(self, kind: str, tag: str | None = None) -> list[dict[str, Any]]:
        """Its cells of a kind, code or markdown, that have the tag."""
        return [
            cell
            for cell in self.content["cells"]
            if cell["cell_type"] == kind and (tag is None or tag in cell["metadata"].get("tags", []))
        ]

    def outputs(self) -> list[dict[str, Any]]:
        """The outputs of all cells."""
        return [output for cell in self.cells("code") for output in cell["outputs"]]

    def text(self) -> str:
        """What a reader can read in the outputs."""
        return "\n".join(
            "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))
            for output in self.outputs()
        )

    def plots(self) -> list[str]:
        """The outputs that are pictures, in base64."""
        pictures = (output.get("data", {}).get("image/png") for output in self.outputs())
        return [picture for picture in pictures if picture]

    def shape(self) -> list[list[str]]:
        """The kinds of each code cell's outputs."""
        return [[kind(output) for output in cell["outputs"]] for cell in self.cells("code")]


def kind(output: dict[str, Any]) -> str:
    """stdout, or the media types of a result."""
    return output.get("name") or " ".join(sorted(output.get("data", {"error": None})))


def source(cell: dict[str, Any]) -> str:
    """A cell's text."""
    return "".join(cell["source"])


def blocks(cell: dict[str, Any]) -> list[str]:
    """The Python that a markdown cell shows."""
    return re.findall(r"^```python\n(.*?)^```$", source(cell), flags=re.MULTILINE | re.DOTALL)


def sdk_v2_program(notebook: Notebook) -> list[str]:
    """The same job for the SDK v2, in order: the code shown for it, and the cells that are for both."""
    parts: list[str] = []
    for cell in notebook.content["cells"]:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "code" and "shared" in tags:
            parts.append(source(cell))
        if cell["cell_type"] == "markdown" and "sdk-v2" in tags:
            parts += blocks(cell)
    return parts
