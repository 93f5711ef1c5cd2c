"""Requests held against botocore's models of the services, more strictly than botocore does before it sends them."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape
from botocore.session import Session
from botocore.validate import ParamValidator


@functools.cache
def _service(name: str) -> Any:
    return Session().get_service_model(name)


def faults(service: str, operation: str, request: dict[str, Any]) -> list[str]:
    """What is wrong with a request: unknown or missing fields, types, and also ranges, patterns and enumerations."""
    shape = _service(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        return list(report.generate_report().splitlines())
    return list(_faults(shape, request, operation))


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from _faults(shape.members[name], inner, f"{path}.{name}")
        return
    if shape.type_name == "list":
        for index, inner in enumerate(value):
            yield from _faults(shape.member, inner, f"{path}[{index}]")
    if shape.type_name == "map":
        for name, inner in value.items():
            yield from _faults(shape.key, name, f"{path} key")
            yield from _faults(shape.value, inner, f"{path}.{name}")
    size = value if isinstance(value, int | float) else len(value)
    if not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{path}: {value!r} is not within {limits.get('min')} to {limits.get('max')}"
    if "enum" in limits and value not in limits["enum"]:
        yield f"{path}: {value!r} is none of {limits['enum']}"
    if "pattern" in limits and isinstance(value, str) and not re.fullmatch(_pattern(limits["pattern"]), value):
        yield f"{path}: {value!r} does not match {limits['pattern']}"


_JAVA = {
    r"\p{L}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"[\p{Print}]": r"[ -~]",
    r"\p{Print}": r"[ -~]",
    r"\z": r"\Z",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
}


def _pattern(java: str) -> str:
    """The same for Python, which has no names for classes of characters, and no surrogates."""
    for theirs, ours in _JAVA.items():
        java = java.replace(theirs, ours)
    return java
