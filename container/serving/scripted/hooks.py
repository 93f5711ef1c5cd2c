"""The hooks of a user's script: found, checked, and called so that what goes wrong in them is told as theirs.

Source: AWS's XGBoost image in script mode, whose names and arguments these are.
"""

import ast
import importlib.util
import inspect
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import ModuleType
from typing import Any, Self

from werkzeug.exceptions import HTTPException

from container.contract import error_line
from container.contract.inference_code import InferenceCode
from container.errors import ContainerError, UserError
from container.serving.scripted import aws_modules

log = logging.getLogger(__name__)

Hook = Callable[..., Any]

ARGUMENTS = {
    "model_fn": ("model_dir",),
    "input_fn": ("body", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "body", "content_type", "accept"),
}
"""Every hook there is, and what it is called with, by position."""


class HookError(ContainerError):
    """The user's code failed; ``status`` is 500 unless that code asked for another."""

    def __init__(self, message: str, status: int = HTTPStatus.INTERNAL_SERVER_ERROR) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)


@dataclass(frozen=True)
class Hooks:
    """The hooks that a script has, by name."""

    code: InferenceCode
    found: dict[str, Hook]

    @classmethod
    def load(cls, code: InferenceCode) -> Self:
        """Import the script. For the process that answers requests, after the fork: it may start threads.

        Raises:
            UserError: the script cannot be imported, or its hooks cannot be used; with the file and line.
        """
        aws_modules.provide()
        module = _imported(code)
        hooks = cls(code, {name: hook for name in ARGUMENTS if (hook := getattr(module, name, None)) is not None})
        for name, hook in hooks.found.items():
            _check(code, name, hook)
        others = [name for name in ("input_fn", "predict_fn", "output_fn") if name in hooks.found]
        if "transform_fn" in hooks.found and others:
            raise UserError(
                f"{code.script.name} has transform_fn, which does the work of {' and '.join(others)} too; keep one way"
            )
        return hooks

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def model(self, folder: str) -> Any:
        """What model_fn makes of the model's folder.

        Raises:
            UserError: it failed; with the file and line.
        """
        try:
            return self.found["model_fn"](folder)
        except (Exception, SystemExit) as error:
            failed = f"model_fn of {self.code.script.name} failed"
            log.error("%s", failed, exc_info=error)
            raise _refusal(failed, error, self.code) from None

    def call(self, name: str, *arguments: Any) -> Any:
        """What a hook returns. Raises as `within` does."""
        return self.within(name, self.found[name], *arguments)

    def within(self, name: str, work: Hook, *arguments: Any) -> Any:
        """What a hook, or something that it returned, does when it is called.

        Raises:
            HookError: it failed; the message is the exception's, and the traceback is in the log.
            ContainerError: as raised by what it used of this container, such as a reader.
            HTTPException: as raised by the hook, such as by ``flask.abort``.
        """
        try:
            return work(*arguments)
        except (ContainerError, HTTPException):
            raise
        except BaseException as error:  # in a thread; asyncio's CancelledError, for one, is no Exception
            log.error("%s of %s failed", name, self.code.script.name, exc_info=error)
            raise HookError(f"{name} of {self.code.script.name} failed: {_said(error)}", _status(error)) from None


def names(code: InferenceCode) -> set[str]:
    """What the script defines or imports at its top level, without running it.

    Raises:
        UserError: it is no Python; with the line.
    """
    try:
        tree = ast.parse(code.script.read_bytes(), code.script.name)
    except (SyntaxError, ValueError) as error:
        line = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{code.script.name} is not valid Python: {said} ({code.script.name}{line})") from None
    found: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.Import() | ast.ImportFrom():
                found |= {alias.asname or alias.name for alias in node.names}
            case ast.Assign():
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _imported(code: InferenceCode) -> ModuleType:
    name = code.script.stem
    spec = importlib.util.spec_from_file_location(name, code.script)
    if spec is None or spec.loader is None:
        raise UserError(f"SAGEMAKER_PROGRAM: {code.script.name} is no Python script; name one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)  # for what is pickled; never in place of a module that is there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        failed = f"{code.script.name} cannot be imported"
        log.error("%s", failed, exc_info=error)
        raise _refusal(failed, error, code) from None
    return module


def _check(code: InferenceCode, name: str, hook: Hook) -> None:
    expected = ARGUMENTS[name]
    try:
        inspect.signature(hook).bind(*expected)
    except TypeError as error:
        raise UserError(
            f"{name} of {code.script.name} cannot be called: {error}; it takes ({', '.join(expected)})"
        ) from None


def _refusal(failed: str, error: BaseException, code: InferenceCode) -> UserError:
    """Why the server cannot start, in one line with the place in the user's code."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return UserError(f"{failed}: {error_line.exception_line(lines, code.folder)}")


def _said(error: BaseException) -> str:
    """The exception with its message, but for the stack that XGBoost adds to its own."""
    if _of_the_toolkit(error):
        return str(getattr(error, "message", error))
    return "".join(traceback.format_exception_only(error)).partition("Stack trace")[0].strip()


def _status(error: BaseException) -> int:
    """That of an error of sagemaker-inference's, whose family says which; 500 for all others."""
    if _of_the_toolkit(error):
        status = getattr(error, "status_code", None)
        if isinstance(status, int) and status >= 400 and status in HTTPStatus:
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _of_the_toolkit(error: BaseException) -> bool:
    """Whether it is of sagemaker-inference's family, where requirements.txt installs that."""
    return any(base.__name__ == "BaseInferenceToolkitError" for base in type(error).__mro__)
