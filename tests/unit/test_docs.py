import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from container.contract.serving_env import SETTINGS
from container.training.hyperparameters.parameters import FIELDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_up_to_date(generate, capsys):
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_the_reference_is_on_its_pages():
    pages = (ROOT / "docs" / "hyperparameters.md").read_text() + (ROOT / "docs" / "settings.md").read_text()
    parts = re.findall("<!-- generated: (.*?) -->", pages)
    assert set(parts) == {"hyperparameters", "metrics", "obsolete", "settings", "other settings"}


@pytest.mark.parametrize("name", FIELDS)
def test_every_hyperparameter_is_documented(name):
    row = re.search(rf"^\| `{name}`.*$", (ROOT / "docs" / "hyperparameters.md").read_text(), re.MULTILINE)
    _, _, values, default, meaning, _ = re.split(r"(?<!\\)\|", row.group())
    assert values.strip()
    assert len(meaning.split()) > 1
    assert default.strip()


def variables():
    """The environment variables that the code reads, by their look."""
    pattern = re.compile(r"\"(SAGEMAKER_[A-Z_]+|SM_[A-Z_]+|TRAINING_[A-Z_]+|MAX_[A-Z_]+)\"")
    code = "".join(file.read_text() for file in (ROOT / "container" / "contract").rglob("*.py"))
    return sorted({*pattern.findall(code), *(setting.variable for setting in SETTINGS.values())})


@pytest.mark.parametrize("variable", variables())
def test_every_variable_is_documented(variable):
    assert f"| `{variable}` |" in (ROOT / "docs" / "settings.md").read_text()


def test_a_stale_page_is_shown_and_renewed(generate, tmp_path, capsys):
    page = tmp_path / "docs" / "settings.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- generated: settings -->\nold\n<!-- /generated -->\nafter\n")
    assert generate.main(["--check"], tmp_path) == 1
    assert "-old" in capsys.readouterr().out
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    assert page.read_text().startswith("before\n<!-- generated: settings -->\n\n| Variable |")
    assert page.read_text().endswith("<!-- /generated -->\nafter\n")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("eta", "number in [0, 1]"),
        ("subsample", "number in (0, 1]"),
        ("tweedie_variance_power", "number in (1, 2)"),
        ("gamma", "number ≥ 0"),
        ("scale_pos_weight", "number > 0"),
        ("num_round", "whole number ≥ 1"),
        ("csv_weights", "`1` or `0`"),
        ("booster", "`gbtree`, `gblinear`, `dart`"),
        ("header", "`auto`, `true`, `false`"),
        ("weight_column", "column name or index"),
        ("interaction_constraints", "list of lists of feature names or 0-based feature indices: `[[0,1],[2,3]]`"),
    ],
)
def test_what_a_hyperparameter_takes(generate, name, values):
    assert generate.accepted(FIELDS[name]) == values


def test_the_picture_is_as_it_is_drawn():
    subprocess.run([sys.executable, ROOT / "docs" / "flow.py", "--check"], check=True)
