"""README.md names only what there is: every command, option, path, link, hyperparameter and variable."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from container.contract.serving_env import SETTINGS
from container.training.hyperparameters.parameters import FIELDS
from container.training.hyperparameters.parse import Hyperparameters

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```\w+\n.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    found = [text for name, text in BLOCKS if name == language]
    assert found
    return found


def commands() -> list[list[str]]:
    """The words of each command in the bash blocks; of ``name=$(command)``, those of the command."""
    lines = [re.sub(r"^\w+=\$\((.*)\)", r"\1", line) for text in blocks("bash") for line in text.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_every_block_has_a_language_that_is_checked() -> None:
    assert {name for name, _ in BLOCKS} == {"bash", "python", "console"}
    assert README.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("text", blocks("bash"))
def test_bash_blocks_are_bash(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert done.stderr == ""


@pytest.mark.parametrize("text", blocks("python"))
def test_python_blocks_use_only_what_they_import(text: str) -> None:
    """But for the two names that the text introduces."""
    tree = ast.parse(text)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    assert used - stored - {"print", "image_uri", "role"} == imported


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_and_their_options_exist(words: list[str]) -> None:
    program, *arguments = words
    if program == "make":
        targets = subprocess.run(["make", "-C", ROOT, "help"], text=True, capture_output=True, check=True).stdout
        assert set(arguments) <= {line.split()[0] for line in targets.splitlines() if line[:1].isalpha()}
        return
    script = ROOT / program
    assert script.stat().st_mode & 0o111
    help_text = subprocess.run([script, "--help"], text=True, capture_output=True, check=True).stdout
    for option in re.findall(r"--[a-z-]+", " ".join(arguments) + " ".join(_comments(program))):
        assert re.search(rf"{option}\b", help_text), option


def _comments(program: str) -> list[str]:
    return [line.partition("#")[2] for text in blocks("bash") for line in text.splitlines() if program in line]


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", PROSE))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_paths_exist() -> None:
    """What looks like a path of this repository, but for what a run leaves in work/."""
    folders = "|".join(entry.name for entry in ROOT.iterdir() if entry.is_dir() and entry.name[0] != ".")
    paths = re.findall(rf"(?<![\w/:.~-])(?:{folders})/[\w./-]*\w", README)
    assert len(paths) > 5
    for path in paths:
        assert path.startswith("local_test/work/") or (ROOT / path).exists(), path


def test_hyperparameters_in_examples_are_accepted() -> None:
    given = [ast.literal_eval(text) for text in re.findall(r"hyperparameters=(\{.*?\})", README)]
    assert len(given) == 1
    for values in given:
        Hyperparameters.parse(values)
    for name, value in re.findall(r"`(\w+)=(\w+)`", PROSE):
        Hyperparameters.parse({name: value})


def test_names_in_prose_are_known() -> None:
    known = {*FIELDS, *SETTINGS, "base_job_name", "image_uri", "train", "validation", "serve"}
    assert {word for word in re.findall(r"`([a-z_]+)`", PROSE) if "_" in word} <= known


def test_it_is_two_screens_at_most() -> None:
    assert len(README.splitlines()) <= 110
