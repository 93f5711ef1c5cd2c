"""The notebooks of examples/ as they are committed: small, complete, and with nothing of the machine they ran on."""

import base64
import re
import subprocess

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from tests.notebooks.notebooks import EXAMPLES, NAMES, Notebook, source


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def notebook(name: str) -> Notebook:
    return Notebook(EXAMPLES / f"{name}.ipynb")


def test_there_are_two() -> None:
    assert NAMES == ["churn", "house_prices"]


def test_every_cell_has_been_run_in_order(notebook: Notebook) -> None:
    counts = [cell["execution_count"] for cell in notebook.cells("code")]
    assert counts == list(range(1, len(counts) + 1))


def test_the_file_is_small(name: str) -> None:
    assert (EXAMPLES / f"{name}.ipynb").stat().st_size < 300_000


def test_plots_are_pictures(notebook: Notebook) -> None:
    plots = [base64.b64decode(plot) for plot in notebook.plots()]
    assert len(plots) == 4
    assert all(plot.startswith(b"\x89PNG\r\n") for plot in plots)


def test_outputs_are_what_a_reader_wants_to_see(notebook: Notebook) -> None:
    """No error, warning or object's address, and no path, name or date of the machine."""
    kinds = {output["output_type"] for output in notebook.outputs()}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert {output["name"] for output in notebook.outputs() if output["output_type"] == "stream"} == {"stdout"}
    html = "".join("".join(output.get("data", {}).get("text/html", "")) for output in notebook.outputs())
    for text in (notebook.text(), html):
        assert not re.search(r"Traceback|Warning|Error:| at 0x[0-9a-f]+|\x1b\[", text)
        assert not re.search(r"/(?:tmp|root|home|Users|work|private|var|usr)/", text)
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b|localhost|127\.0\.0\.1|\.internal\b", text)


def test_the_metadata_is_the_same_wherever_it_ran(notebook: Notebook) -> None:
    assert notebook.content["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert {key for cell in notebook.content["cells"] for key in cell["metadata"]} <= {"tags"}


def test_links_lead_somewhere(notebook: Notebook) -> None:
    text = "\n".join(source(cell) for cell in notebook.cells("markdown"))
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (EXAMPLES / link).exists()] == []


def test_one_cell_decides_where_it_runs(notebook: Notebook) -> None:
    """LOCAL is set once, in the first cell of code."""
    first, *rest = (source(cell) for cell in notebook.cells("code"))
    assert first.startswith("LOCAL = True")
    assert not [cell for cell in rest if re.search(r"^\s*LOCAL\s*=", cell, flags=re.MULTILINE)]


def test_the_tuning_request_is_one() -> None:
    """What the notebook shows is what the API takes."""
    texts = ["".join(output.get("text", "")) for output in Notebook(EXAMPLES / "churn.ipynb").outputs()]
    (shown,) = [text for text in texts if "HyperParameterTuningJobName" in text]
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateHyperParameterTuningJob").input_shape
    report = ParamValidator().validate(yaml.safe_load(shown), shape)
    assert not report.has_errors(), report.generate_report()


def test_the_commands_of_the_page_are_what_is_run_here() -> None:
    """`make notebooks` would write over the notebooks: test_runs.py has the same program write elsewhere."""
    (block,) = re.findall(r"^```bash\n(.*?)^```$", (EXAMPLES / "README.md").read_text("utf-8"), re.M | re.S)
    for line in block.splitlines():
        command = [*line.partition("#")[0].split(), "--dry-run", "--always-make"]
        done = subprocess.run(command, cwd=EXAMPLES.parent, text=True, capture_output=True, check=True)
        if "notebooks" in command:
            assert "examples/render.py" in done.stdout
