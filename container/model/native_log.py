"""XGBoost's warnings in threads: its C++ knows, for each thread, whom to tell, and without anyone writes to stderr.

Source: XGBoost's ``src/logging.cc``, where the callback of XGBRegisterLogCallback is kept in a ``thread_local`` store.
"""

from xgboost import _c_api


def attach() -> None:
    """Have XGBoost tell the present thread's warnings as it tells those of the thread that imported it."""
    library = _c_api._LIB
    library.XGBRegisterLogCallback(library.callback)
