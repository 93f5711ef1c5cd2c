"""The metric definitions of docs/training.md, applied to a real log as SageMaker applies them."""

import re
from pathlib import Path

from tests.contract.job import Job

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def test_they_find_every_rounds_value(tmp_path, train, capsys):
    definitions = re.findall(r"^\| `(\w+):(\w+)` \| `(.+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(definitions) == 3
    text = "".join(f"{(i * i) % 7 % 2},{i % 13},{i % 5}\n" for i in range(200))
    job = Job(tmp_path / "ml", {"objective": "binary:logistic", "eval_metric": "rmse,accuracy", "num_round": 5})
    assert train(job.channel("train", {"a": text}).channel("validation", {"v": text})) == 0
    log = capsys.readouterr().out
    for channel, metric, regex in definitions:
        expected = re.findall(rf"\t{channel}-{metric}:([0-9.]+)", log)
        assert len(expected) == 5
        for lines in (log.splitlines(), log.replace("\t", "#011").splitlines()):
            found = [match[1] for line in lines if (match := re.search(regex, line))]
            assert found == expected
