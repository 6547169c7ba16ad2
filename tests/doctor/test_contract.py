"""Checks are run apart from each other, at the same time, each within its own."""

import asyncio
import threading

import pytest

from appliance.doctor.contract import Check, Examination, Found, Verdict, examine, in_thread
from appliance.errors import DeviceError


async def well() -> str:
    return "All is well."


async def broken() -> str:
    raise DeviceError("It is broken.", "Mend it.")


async def buggy() -> str:
    raise KeyError("canary")


async def hanging() -> str:
    await asyncio.Event().wait()
    return "never"


@pytest.mark.parametrize("verdict", ["warn", "fail"])
async def test_failure_has_the_verdict_of_its_examination(verdict: Verdict) -> None:
    assert await examine([Examination("one", verdict, broken)]) == [
        Check("one", verdict, "It is broken.", "Mend it.")
    ]


async def test_what_an_examination_found_out_itself_is_told_as_it_is() -> None:
    async def half() -> Found:
        return Found("warn", "It limps.", "Rest it.")

    assert await examine([Examination("one", "fail", half)]) == [
        Check("one", "warn", "It limps.", "Rest it.")
    ]


async def test_one_that_hangs_or_breaks_does_not_take_the_others_along() -> None:
    told: list[Check] = []
    checks = await examine(
        [
            Examination("bug", "warn", buggy),
            Examination("hang", "fail", hanging, limit=0.01),
            Examination("well", "fail", well),
        ],
        told.append,
    )

    assert [(check.name, check.verdict) for check in checks] == [
        ("bug", "warn"),
        ("hang", "fail"),
        ("well", "ok"),
    ]
    assert checks[0].sentence == "This check broke (KeyError)."
    assert "No answer within" in checks[1].sentence
    assert told == checks


async def test_time_out_of_an_examination_itself_is_not_its_limit() -> None:
    async def impatient() -> str:
        raise TimeoutError

    (check,) = await examine([Examination("one", "warn", impatient)])
    assert check.sentence == "This check broke (TimeoutError)."


async def test_they_are_run_at_the_same_time() -> None:
    meeting = asyncio.Barrier(2)

    async def meet() -> str:
        await meeting.wait()
        return "Met."

    checks = await examine([Examination(name, "fail", meet) for name in "ab"])
    assert {check.verdict for check in checks} == {"ok"}


async def test_those_of_one_lane_never_meet() -> None:
    inside, most = 0, 0

    async def crowd() -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return "Alone."

    await examine([Examination(name, "fail", crowd, lane="sound") for name in "abc"])
    assert most == 1


async def test_driver_that_hangs_on_its_thread_is_left_behind() -> None:
    release = threading.Event()

    async def stuck() -> str:
        await in_thread(release.wait)
        return "never"

    (check,) = await examine([Examination("one", "fail", stuck, limit=0.01)])
    release.set()
    assert "No answer within" in check.sentence
