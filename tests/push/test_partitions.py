"""The registry's host: its table of partitions is botocore's."""

import json
import re
import subprocess
from pathlib import Path

import botocore

from tests.push.conftest import ROOT

PARTITIONS = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
SUFFIXES = {
    region: partition["outputs"]["dnsSuffix"]
    for partition in PARTITIONS
    for region in partition["regions"]
    if re.fullmatch(partition["regionRegex"], region)
}


def test_dns_suffix_of_every_region() -> None:
    loop = '. "$1"; shift; for region; do dns_suffix "$region"; done'
    command = ["bash", "-c", loop, "bash", str(ROOT / "build_and_push.sh"), *SUFFIXES]
    printed = subprocess.run(command, text=True, capture_output=True, check=True).stdout.split()
    assert dict(zip(SUFFIXES, printed, strict=True)) == SUFFIXES
    assert SUFFIXES["cn-north-1"] == "amazonaws.com.cn"
