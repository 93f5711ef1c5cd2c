import pytest

from container.contract.member import Member


@pytest.mark.parametrize(
    ("environ", "member", "leads"),
    [
        ({}, Member(0, 1), True),
        ({"SAGEMAKER_XGBOOST_MEMBER": "2/4"}, Member(2, 4), False),
    ],
)
def test_a_process_knows_which_of_its_host_it_is(environ: dict[str, str], member: Member, leads: bool) -> None:
    found = Member.from_env(environ)
    assert (found, found.leads) == (member, leads)
