"""Fault plans: read strictly, struck in order, used up."""

import pytest

from appliance.emulator.faults import (
    CloseSideband,
    DropMedia,
    FaultPlan,
    RefuseCall,
    RefuseSideband,
    parse,
)
from appliance.errors import ConfigError


def test_plan_is_read_from_an_object_or_a_list() -> None:
    assert parse(['{"fault": "drop_media", "after": 1.5}']) == [DropMedia(after=1.5)]
    assert parse(['[{"fault": "refuse_call", "status": 429, "retry_after": 2}]', "[]"]) == [
        RefuseCall(status=429, retry_after=2)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "7",
        '{"fault": "meteor"}',
        '{"fault": "drop_media", "later": 1}',
        '{"fault": "refuse_call", "status": 200}',
        '{"fault": "close_sideband", "after": -1}',
    ],
)
def test_wrong_plan_is_an_error_with_a_cure(text: str) -> None:
    with pytest.raises(ConfigError, match="refuse_call"):
        parse([text])


def test_fault_strikes_as_often_as_it_says() -> None:
    plan = FaultPlan([RefuseSideband(times=2)])
    struck = [plan.take(RefuseSideband) is not None for _ in range(4)]
    assert struck == [True, True, False, False]


def test_fault_lets_pass_what_it_skips() -> None:
    plan = FaultPlan([RefuseCall(skip=2)])
    struck = [plan.take(RefuseCall) is not None for _ in range(4)]
    assert struck == [False, False, True, False]


def test_zero_times_is_always() -> None:
    plan = FaultPlan([RefuseCall(times=0)])
    assert all(plan.take(RefuseCall) for _ in range(50))


def test_kinds_do_not_use_up_each_other() -> None:
    plan = FaultPlan([RefuseCall(), CloseSideband(code=1001)])
    assert plan.take(CloseSideband) == CloseSideband(code=1001)
    assert plan.take(CloseSideband) is None
    assert plan.take(RefuseCall) == RefuseCall()


def test_what_is_left_can_be_asked_and_dropped() -> None:
    plan = FaultPlan([RefuseCall(times=3)])
    plan.take(RefuseCall)
    assert plan.left()[0]["fault"] == "refuse_call"
    assert plan.left()[0]["times"] == 2
    plan.clear()
    assert plan.left() == []
