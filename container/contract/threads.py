"""How many threads the native libraries may start, and how they wait."""

import os

_SPINS = "10000"


def limit_native(count: int) -> None:
    """Have OpenMP and the BLAS libraries use at most ``count`` threads each.

    They read this once, when they are loaded: call it before numpy or xgboost is imported.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(count)


def wait_briefly() -> None:
    """Have OpenMP's threads, which wait for each other, soon sleep instead of spin.

    GNU's OpenMP lets them spin 300,000 times: where another process needs the CPUs, the thread that is waited for
    stands in line behind those. Without any spinning, training on small data takes a third longer on a machine that
    has nothing else to do. What the environment says of it holds. Read when OpenMP is loaded, as above.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def without_blas() -> None:
    """Have the BLAS library that numpy brings start no threads: training has no use for it, and they take time.

    What the environment says of it holds. Read when numpy is imported, as above.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
