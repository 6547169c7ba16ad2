"""What a check of the doctor is, and how checks are run: bounded, apart, at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import msgspec

from appliance.errors import ApplianceError
from appliance.hardware.worker import Worker

T = TypeVar("T")

Verdict: TypeAlias = Literal["ok", "warn", "fail", "not-applicable"]

TIME_LIMIT = 10.0  # s for a check; the slowest but the camera takes 6


class Check(msgspec.Struct, frozen=True):
    """One thing looked at, for a person: what was found and, if it is not well, the cure.

    A `fail` keeps calls from working, a `warn` does not; `not-applicable` is what this machine or
    this configuration does not have, or what cannot be known here.
    """

    name: str
    verdict: Verdict
    sentence: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What an examination returns if "ok" is not the whole truth."""

    verdict: Verdict
    sentence: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """How something is looked at.

    `look` returns a sentence (all is well) or what it found; an ApplianceError it raises has the
    verdict `otherwise`. It is cancelled after `limit` seconds. Those of the same `lane` are run
    one after the other, all else at the same time.
    """

    name: str
    otherwise: Verdict
    look: Callable[[], Awaitable[str | Found]]
    limit: float = TIME_LIMIT
    lane: str = ""


async def in_thread(call: Callable[[], T]) -> T:
    """Return what `call` returns, run on a thread that nobody waits for, should it hang."""
    return await Worker(asyncio.get_running_loop(), "doctor").last(call)


async def examine(
    examinations: Sequence[Examination], tell: Callable[[Check], None] = lambda _check: None
) -> list[Check]:
    """Return the check of every examination; `tell` is given each as soon as those before are told.

    Whatever one of them does, the others are run. Takes as long as the longest lane.
    """
    lanes: dict[str, asyncio.Lock] = {}
    checks = []
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(
                _checked(each, lanes.setdefault(each.lane or each.name, asyncio.Lock()))
            )
            for each in examinations
        ]
        for task in running:
            checks.append(await task)
            tell(checks[-1])
    return checks


async def _checked(examination: Examination, lane: asyncio.Lock) -> Check:
    name, otherwise = examination.name, examination.otherwise
    async with lane:
        deadline = asyncio.timeout(examination.limit)
        try:
            async with deadline:
                found = await examination.look()
        except ApplianceError as error:
            return Check(name, otherwise, error.cause, error.cure)
        except Exception as error:  # noqa: BLE001 - bulkhead: the other checks go on
            if deadline.expired():
                slow = f"No answer within {examination.limit:.0f} s."
                return Check(name, otherwise, slow, "Try again; then restart this device.")
            broke = f"This check broke ({type(error).__name__})."
            return Check(name, otherwise, broke, "Please report it: that is our fault.")
    if isinstance(found, str):
        return Check(name, "ok", found)
    return Check(name, found.verdict, found.sentence, found.cure)
