"""Run notebooks from top to bottom and keep them with their outputs: `make notebooks`.

usage: render.py [--output FOLDER] [NOTEBOOK ...]

Without notebooks: those beside this file. They are written back, or into FOLDER. What differs from run to run or from
machine to machine is left out of the outputs. A notebook that fails, warns, or prints a path of this machine is not
written.
"""

import argparse
import base64
import io
import os
import socket
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).resolve().parent


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs; raises nbclient's CellExecutionError where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",  # of the environment that runs this
        extra_arguments=["--IPKernelApp.log_level=40"],  # else it warns that it listens on this machine
        timeout=300,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if plot := output.get("data", {}).get("image/png"):
                output.data["image/png"] = smaller(plot)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def smaller(png: str) -> str:
    """The same plot in 256 colours: a third of the size, and no difference to see. Base64 in and out."""
    small = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(256).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """What a reader should not see in the outputs."""
    machine = [str(HERE.parent), str(Path.home()) + os.sep, tempfile.gettempdir() + os.sep, socket.gethostname()]
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")
            if output.get("name") == "stderr":
                found.append(f"cell {number} writes to stderr: {text}")
            found += [f"cell {number} shows {word!r}, which is of this machine" for word in machine if word in text]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(HERE.glob("*.ipynb")), metavar="NOTEBOOK")
    parser.add_argument("--output", type=Path, default=HERE, metavar="FOLDER")
    options = parser.parse_args()
    for path in options.notebooks:
        notebook = run(path)
        if found := complaints(notebook):
            sys.exit("\n".join(f"{path.name}: {complaint}" for complaint in found))
        nbformat.write(notebook, options.output / path.name)


if __name__ == "__main__":
    main()
