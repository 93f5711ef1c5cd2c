"""The compiled core runs on every machine of its architecture: nothing beyond x86-64-v2 but where the CPU is asked."""

import platform
import re
import shutil
import subprocess

import pytest

native = pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="this is about x86-64; elsewhere the plain baseline is built"
)

# The functions that are called only where __builtin_cpu_supports says so (shap_walk.cpp, losses.cpp and ways.cpp).
WIDE = ("eight_rows", "one_row_wide", "serving::descend_avx2(", "serving::descend_avx512(", "sum_of_losses_wide")
# Registers and instructions of AVX and later, which begin with a v; BMI and LZCNT, which have names of their own.
# TZCNT is not among them: older machines read it as BSF, and the compiler writes it where that is as good.
BEYOND = re.compile(
    r"%[yz]mm|^v[a-z]|^(?:andn|bextr|blsi|blsr|blsmsk|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|lzcnt)[lqw]?\b"
)


def instructions(file: str) -> dict[str, list[str]]:
    """By function, whole lines of the disassembly without their addresses."""
    found: dict[str, list[str]] = {}
    listing = subprocess.run(
        ["objdump", "--disassemble", "--demangle", "--no-show-raw-insn", file],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    name = ""
    for line in listing.splitlines():
        if heading := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = heading[1]
        elif instruction := re.match(r"\s+[0-9a-f]+:\s+(\S.*)", line):
            found.setdefault(name, []).append(instruction[1])
    return found


@pytest.mark.skipif(shutil.which("objdump") is None, reason="there is no objdump: apt-get install binutils")
def test_instructions() -> None:
    functions = instructions(native.__file__)
    beyond = {name for name, lines in functions.items() if any(BEYOND.search(line) for line in lines)}
    assert beyond, "the wide functions are there, and found by what this looks for"
    assert not {name for name in beyond if not any(wide in name for wide in WIDE)}


@pytest.mark.parametrize(
    ("line", "beyond"),
    [
        ("vaddps %xmm0,%xmm1,%xmm2", True),
        ("mulps %ymm0,%ymm1", True),
        ("vfmadd213ss %xmm1,%xmm2,%xmm0", True),
        ("andn %rax,%rbx,%rcx", True),
        ("lzcnt %eax,%ecx", True),
        ("shlx %eax,%ecx,%edx", True),
        ("mulps %xmm0,%xmm1", False),
        ("popcnt %rax,%rbx", False),
        ("andnps %xmm0,%xmm1", False),
        ("ptest %xmm0,%xmm1", False),
        ("blendvps %xmm0,%xmm1,%xmm2", False),
        ("tzcnt %eax,%ecx", False),
    ],
)
def test_what_is_beyond(line: str, beyond: bool) -> None:
    assert bool(BEYOND.search(line)) is beyond
