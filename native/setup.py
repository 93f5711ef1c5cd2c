"""The flags. Floating point is kept to the letter, for every answer must have XGBoost's bits: no contraction to
fused multiply-add, nothing beyond the baseline that every machine of the architecture has, but in functions that ask
the CPU first (losses.cpp, shap_walk.cpp, ways.cpp; tests/unit/native/test_baseline.py looks at the instructions)."""

import os
import platform
from pathlib import Path

from setuptools import Extension, setup

BASELINE = ["-march=x86-64-v2"] if platform.machine() in ("x86_64", "AMD64") else []
SANITIZE = os.environ.get("SANITIZE", "")  # such as address,undefined; native/sanitize.sh sets it
CHECKED = (
    [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"] if SANITIZE else ["-g0"]
)

setup(
    ext_modules=[
        Extension(
            "_xgboost_serving",
            sources=sorted(map(str, Path("src").glob("*.cpp"))),
            depends=sorted(map(str, Path("src").glob("*.hpp"))),
            language="c++",
            extra_compile_args=[
                "-std=c++20",
                "-O1" if SANITIZE else "-O3",
                "-ffp-contract=off",
                "-fvisibility=hidden",
                "-Wall",
                "-Wextra",
                "-Wno-missing-field-initializers",
                *BASELINE,
                *CHECKED,
            ],
            extra_link_args=CHECKED[:1] if SANITIZE else [],
            define_macros=[("Py_LIMITED_API", "0x030C0000")],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp312"}},
)
