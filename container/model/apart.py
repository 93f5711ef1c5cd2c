"""Work in a thread that ends with it.

XGBoost keeps what it last gave a thread of a booster, a prediction or the whole model as bytes, until that thread
ends: even when the booster is long gone.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from container.model import native_log


def apart[**P, T](work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What ``work`` returns. Raises what it raises."""
    with ThreadPoolExecutor(1, initializer=native_log.attach) as thread:
        return thread.submit(work, *arguments, **named).result()
