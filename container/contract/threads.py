"""How many threads the native libraries may start."""

import os


def limit_native(count: int) -> None:
    """Have OpenMP and the BLAS libraries use at most ``count`` threads each.

    They read this once, when they are loaded: call it before numpy or xgboost is imported.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(count)
