"""Draws docs/flow.svg, the way of the data and of the image: python docs/flow.py [--check].

Colours are those of Okabe and Ito, told apart by everyone; the picture is read on a dark page too, for it brings its
own ground.
"""

import sys
from pathlib import Path
from typing import NamedTuple

PICTURE = Path(__file__).with_name("flow.svg")
WIDTH, HEIGHT = 960, 400
BLUE, GREEN, GREY, INK = "#0072B2", "#009E73", "#666666", "#222222"


class Box(NamedTuple):
    """A thing, or with a colour something that this project does."""

    x: int
    y: int
    title: str
    lines: tuple[str, ...]
    colour: str = ""
    width: int = 150
    height: int = 84


BOXES = {
    "csv": Box(20, 130, "S3", ("house_data.csv", "as it is: header,", "text, missing values")),
    "train": Box(220, 130, "train", ("a training job:", "one line a round", "in its log"), BLUE),
    "model": Box(420, 130, "S3", ("model.tar.gz:", "one file, which any", "XGBoost reads")),
    "serve": Box(620, 90, "serve", ("endpoint, serverless,", "async, multi-model", "POST /invocations"), GREEN),
    "batch": Box(620, 194, "serve", ("batch transform", "a line for each row"), GREEN, height=66),
    "out": Box(820, 130, "prediction", ("180909.22", "or class, score,", "contributions"), width=120),
    "build": Box(200, 300, "build_and_push.sh", ("builds, tries, pushes,", "prints the address"), width=180, height=66),
    "ecr": Box(420, 300, "ECR", ("one image,", "train and serve"), height=66),
}
ARROWS = (("csv", "train"), ("train", "model"), ("model", "serve"), ("model", "batch"), ("serve", "out"),
          ("batch", "out"), ("build", "ecr"))  # fmt: skip


def box(item: Box) -> list[str]:
    fill = item.colour or "#ffffff"
    ink, border = ("#ffffff", item.colour) if item.colour else (INK, GREY)
    shape = f'<rect x="{item.x}" y="{item.y}" width="{item.width}" height="{item.height}" rx="8"'
    centre = item.x + item.width / 2
    texts = [f'<text x="{centre:g}" y="{item.y + 22}" fill="{ink}" font-weight="bold">{item.title}</text>']
    texts += [
        f'<text x="{centre:g}" y="{item.y + 41 + 16 * number}" fill="{ink}" font-size="13">{line}</text>'
        for number, line in enumerate(item.lines)
    ]
    return [f'{shape} fill="{fill}" stroke="{border}" stroke-width="1.5"/>', *texts]


def arrow(x1: float, y1: float, x2: float, y2: float, dashes: bool = False) -> str:
    style = ' stroke-dasharray="5 4"' if dashes else ""
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{INK}" stroke-width="1.5" marker-end="url(#tip)"{style}/>'


def between(one: Box, other: Box) -> str:
    return arrow(one.x + one.width, one.y + one.height / 2, other.x - 4, other.y + other.height / 2)


def draw() -> str:
    ecr, train, batch = BOXES["ecr"], BOXES["train"], BOXES["batch"]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="15" text-anchor="middle">',
        "<title>From a CSV file in S3 through train to a model in S3, and through serve to predictions</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{WIDTH / 2:g}" y="40" fill="{INK}" font-size="18">One image: SageMaker runs it as train, '
        "and as serve</text>",
    ]
    for item in BOXES.values():
        lines += box(item)
    lines += [between(BOXES[one], BOXES[other]) for one, other in ARROWS]
    lines.append(arrow(ecr.x + 40, ecr.y, train.x + train.width - 20, train.y + train.height + 4, dashes=True))
    lines.append(arrow(ecr.x + 110, ecr.y, batch.x - 4, batch.y + batch.height - 6, dashes=True))
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(PICTURE.read_text("utf-8") != draw())
    PICTURE.write_text(draw(), "utf-8")
