"""The Ames house sales, split as the tests use them."""

import csv
import io
import math

import numpy as np

from tests.image.conftest import DATA

SEED = 7


def split() -> tuple[bytes, bytes, list[float]]:
    """Four fifths with the price, the last fifth without it, and its prices."""
    header, *rows = csv.reader((DATA / "ames.csv").read_text().splitlines())
    order = np.random.default_rng(SEED).permutation(len(rows))
    price = header.index("price")
    held_out = [rows[i] for i in order[: len(rows) // 5]]
    kept = [rows[i] for i in order[len(rows) // 5 :]]
    without = [row[:price] + row[price + 1 :] for row in (header, *held_out)]
    return _csv([header, *kept]), _csv(without), [float(row[price]) for row in held_out]


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def rmse(predicted: list[float], actual: list[float]) -> float:
    """The root of the mean squared difference."""
    return math.sqrt(sum((p - a) ** 2 for p, a in zip(predicted, actual, strict=True)) / len(actual))
