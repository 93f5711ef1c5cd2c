"""Every golden case gets its reply, to the byte, with the compiled core and without."""

import pytest

from tests.golden import cases
from tests.golden.cases import Case

_ALL = [case for path in cases.files() for case in cases.read(path)]


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
@pytest.mark.parametrize("case", _ALL, ids=str)
def test_reply(case: Case) -> None:
    assert case.answered().reply == case.reply, case.intent


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
@pytest.mark.parametrize("case", _ALL, ids=str)
def test_reply_without_the_compiled_core(case: Case) -> None:
    assert case.answered(native=False).reply == case.reply, case.intent
