"""What a file is, by its bytes: a model in one of XGBoost's formats, a pickle, or none of them."""

import math
import re
import struct
from pathlib import Path

HEAD = 256
"""How many of the first bytes tell what a file is."""

_MODEL = re.compile(rb'\s*\{(?:\s*"learner"\s*:\s*\{|\s*"version"\s*:\s*\[|(?:L\0{7}|[iU])\x07(?:learner\{|version\[))')
"""JSON or UBJSON whose first member is one of the two that XGBoost's models have."""
_TEXT = re.compile(rb'\s*\{\s*"')
_PICKLE = re.compile(rb"\x80[\x02-\x05]|c[\w.]+\n[\w.]+\n|\(d")
_OLD_HEAD = struct.Struct("<fIiii")
"""base_score, num_feature, num_class and two truth values, which begin XGBoost's old binary format."""
_LOGITRAW_BEFORE_1_3 = re.compile(rb'"version"\s*:\s*\[\s*1\s*,\s*[0-2]\s*,')
_BASE_SCORE = re.compile(rb'("base_score"\s*:\s*")([^"\[\]]+)(?=")')


def is_model(head: bytes) -> bool:
    """Whether it begins like a model in JSON or UBJSON."""
    return _MODEL.match(head) is not None


def is_json(head: bytes) -> bool:
    """Whether what begins like a model is text rather than UBJSON."""
    return _TEXT.match(head) is not None


def is_pickle(head: bytes) -> bool:
    """Whether it begins like a pickle, joblib's included."""
    return _PICKLE.match(head) is not None


def is_old_binary(head: bytes) -> bool:
    """Whether it begins like a model in XGBoost's old binary format."""
    if head.startswith(b"binf"):
        return True
    if len(head) < HEAD:
        return False
    base_score, features, classes, *switches = _OLD_HEAD.unpack_from(head)
    return math.isfinite(base_score) and 0 < features < 1 << 27 and 0 <= classes < 1 << 20 and set(switches) <= {0, 1}


def refusal(raw: bytes, path: Path) -> str:
    """Why a file that is no JSON or UBJSON is not loaded, and how to convert it."""
    if is_pickle(raw):
        return (
            f"the model file {path} is a pickle, which would run code when loaded; in the Python that wrote it, call "
            "booster.save_model('xgboost-model.ubj') and use that file as xgboost-model"
        )
    if not raw:
        return f"the model file {path} is empty; train the model again"
    return (
        f"the model file {path} is not an XGBoost model in JSON or UBJSON; one in the old binary format is converted "
        "by loading it with XGBoost < 3.1 and calling booster.save_model('xgboost-model.ubj')"
    )


def as_today(raw: bytes) -> bytes:
    """The model so that the XGBoost of today predicts with it what the one that wrote it did.

    Before 1.3 binary:logitraw took its base_score for a probability, and since then for a margin.
    """
    if b'"binary:logitraw"' not in raw or not _LOGITRAW_BEFORE_1_3.search(raw):
        return raw
    return _BASE_SCORE.sub(lambda found: found[1] + _margin(float(found[2])), raw, count=1)


def _margin(probability: float) -> bytes:
    return b"%.9g" % math.log(probability / (1 - probability)) if 0 < probability < 1 else b"%.9g" % probability
