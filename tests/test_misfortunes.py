"""The whole daemon, as a process, against every misfortune the emulator can play."""

import asyncio
import json
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from appliance.console.views import EventView, LineView, MarkView, ModelView
from appliance.core.model import Cue
from appliance.demo.service import local_service
from appliance.emulator.faults import AnyFault
from appliance.emulator.voice import user_utterance
from appliance.errors import RefusedError
from appliance.media.cues import render
from appliance.media.files import WavWriter
from tests.processes import Daemon, daemon
from tests.sound import likeness

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
]

PATIENCE = 60.0  # s; the longest misfortune lasts 15 on an idle machine
POLL = 0.05  # s; the service tells of its calls only when it is asked
SUM = "add two and five slowly"


class Scene:
    """A daemon, its service, and what both tell."""

    def __init__(self, appliance: Daemon, service: str, http: aiohttp.ClientSession) -> None:
        self.appliance = appliance
        self.control = appliance.control
        self._service = service.removesuffix("/v1")
        self._http = http
        self._events: AsyncGenerator[EventView] | None = None
        self.phases: list[str] = []
        self.marks: list[MarkView] = []
        self.lines: dict[str, LineView] = {}
        self.problems: list[str] = []
        self.problem: str | None = None  # at the moment

    async def strike(self, *faults: dict[str, object]) -> None:
        """Have these faults strike from now on."""
        async with self._http.post(f"{self._service}/emulator/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def service_calls(self) -> list[dict[str, Any]]:
        """Return what the service knows of its calls."""
        async with self._http.get(f"{self._service}/emulator/calls") as answer:
            calls: list[dict[str, Any]] = json.loads(await answer.read())
            return calls

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Follow what the daemon tells; nothing that happens inside is missed."""
        async with aclosing(self.control.events()) as events:
            self._events = events
            self._take(await anext(events))
            self.phases.clear()
            yield
        self._events = None

    async def until(self, seen: Callable[[], bool]) -> None:
        """Read on until `seen`."""
        assert self._events is not None
        async with asyncio.timeout(PATIENCE):
            while not seen():
                self._take(await anext(self._events))

    async def reaches(self, *phases: str) -> None:
        """Wait until these phases have followed one another, others perhaps between."""
        await self.until(lambda: _in_order(phases, self.phases))

    async def adds(self) -> None:
        """Ask for a sum, which takes a tool, and wait for the answer."""
        said = len([line for line in self.lines.values() if "seven" in line.text])
        await self.control.say(SUM)
        await self.until(lambda: sum("seven" in line.text for line in self.lines.values()) > said)

    def marked(self, name: str) -> int:
        """Return how often this mark was made."""
        return sum(mark.name == name for mark in self.marks)

    def _take(self, event: EventView) -> None:
        match event:
            case ModelView():
                phase = "interrupted" if event.interrupted else event.phase
                if [phase] != self.phases[-1:]:
                    self.phases.append(phase)
                self.problem = event.problem.kind if event.problem is not None else None
                if self.problem is not None:
                    self.problems.append(self.problem)
            case MarkView():
                self.marks.append(event)
            case LineView():
                self.lines[event.item_id] = event
            case _:
                pass


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[tuple[Daemon, str]]:
    """One service and one daemon for all: a daemon must outlive its misfortunes."""
    async with local_service() as service, daemon(service) as appliance:
        yield appliance, service


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: tuple[Daemon, str]) -> AsyncIterator[Scene]:
    """A fresh look at it; afterwards no call is open on either side, and the next one works."""
    appliance, service = stage
    async with aiohttp.ClientSession() as http:
        scene = Scene(appliance, service, http)
        async with scene.watched():
            yield scene
        async with http.delete(f"{service.removesuffix('/v1')}/emulator/faults"):
            pass
        await scene.control.hang_up()
        await scene.control.call()
        await scene.control.hang_up()
        await _ended(scene)


async def _ended(scene: Scene, least: int = 0) -> list[dict[str, Any]]:
    """Return every call, `least` or more, once the service has let go of all."""
    async with asyncio.timeout(PATIENCE):
        while True:
            calls = await scene.service_calls()
            if len(calls) >= least and all(call["ended"] for call in calls):
                return calls
            await asyncio.sleep(POLL)


def _in_order(wanted: tuple[str, ...], seen: list[str]) -> bool:
    rest = iter(seen)
    return all(any(phase == one for one in rest) for phase in wanted)


REFUSED = [
    (401, "invalid_api_key", "auth"),
    (403, "", "auth"),
    (429, "insufficient_quota", "quota"),
    (400, "unknown_parameter", "rejected"),
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSED)
async def test_refusal_that_needs_a_person_is_told_sounds_and_is_not_repeated(
    scene: Scene, status: int, code: str, kind: str
) -> None:
    await scene.strike({"fault": "refuse_call", "status": status, "code": code, "times": 0})

    with pytest.raises(RefusedError) as refused:
        await scene.control.call()
    await scene.reaches("dialing", "fault")

    told = (await scene.control.status()).model
    assert told.problem is not None
    assert (told.problem.kind, told.problem.cause) == (kind, refused.value.cause)
    assert told.sentence.startswith("Needs you: ")
    assert told.problem.cure
    assert await _played(scene, Cue.FAILED)
    assert scene.marked("offer_posted") == 1


async def _played(scene: Scene, cue: Cue) -> bool:
    """Whether the speaker played this tone in the last call, which has ended."""
    with wave.open(str(scene.appliance.speaker)) as file:
        sound = file.readframes(file.getnframes())
    return likeness(render(cue), sound) > 0.9


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "refuse_call", "status": 429, "code": "rate_limit_exceeded", "retry_after": 1},
        {"fault": "refuse_call", "status": 500, "times": 2},
        {"fault": "refuse_call", "status": 503},
    ],
    ids=["rate limit", "two failures", "overload"],
)
async def test_busy_service_is_called_again_until_it_answers(
    scene: Scene, fault: dict[str, object]
) -> None:
    await scene.strike(fault)

    with pytest.raises(RefusedError, match="busy or failed"):
        await scene.control.call()
    await scene.reaches("dialing", "waiting", "dialing", "live")
    await scene.adds()

    offers = [mark.at for mark in scene.marks if mark.name == "offer_posted"]
    assert len(offers) == 1 + int(str(fault.get("times", 1)))
    assert offers[1] - offers[0] >= float(str(fault.get("retry_after", 0.5)))
    assert set(scene.problems) == {"service"}


async def test_service_that_never_answers_is_left_after_ten_seconds(scene: Scene) -> None:
    await scene.strike({"fault": "ignore_call"})

    await scene.control.call(wait=False)
    await scene.reaches("dialing", "waiting", "live")

    posted, again = (mark.at for mark in scene.marks if mark.name == "offer_posted")
    assert again - posted >= 10
    assert set(scene.problems) == {"network"}
    await scene.adds()


async def test_call_that_is_made_too_late_is_hung_up(scene: Scene) -> None:
    before = len(await scene.service_calls())
    await scene.strike({"fault": "delay_call", "after": 1.0})

    await scene.control.call(wait=False)
    await scene.until(lambda: scene.marked("offer_posted") == 1)
    await scene.control.hang_up()

    calls = await _ended(scene, before + 1)
    assert calls[-1]["hangups"] == 1


UNHARMED: list[dict[str, object]] = [
    {"fault": "no_location"},
    {"fault": "double_location"},
    {"fault": "refuse_sideband", "status": 404, "times": 3},
    {"fault": "refuse_sideband", "status": 500, "times": 0},
    {"fault": "close_sideband", "after": 0.2, "code": 1011},
    {"fault": "close_sideband", "after": 0.2, "code": 1006},
    {"fault": "close_channel", "after": 0.2},
    {"fault": "garble", "after": 0.1, "kind": "not_json"},
    {"fault": "garble", "after": 0.1, "kind": "unknown_event"},
    {"fault": "garble", "after": 0.1, "kind": "missing_keys"},
    {"fault": "fail_response", "code": "server_error", "message": "Oops."},
]


@pytest.mark.parametrize("fault", UNHARMED, ids=lambda fault: " ".join(map(str, fault.values())))
async def test_call_goes_on_and_tools_answer_through(
    scene: Scene, fault: dict[str, object]
) -> None:
    await scene.strike(fault)

    await scene.control.call()
    await scene.adds()
    await scene.control.hang_up()

    assert scene.marked("call_up") == 1, "the same call"
    items = (await scene.service_calls())[-1]["items"]
    assert sum(item["type"] == "function_call_output" for item in items) == 1


async def test_answer_that_fails_twice_is_told_and_sounds_and_the_call_goes_on(
    scene: Scene,
) -> None:
    await scene.strike({"fault": "fail_response", "times": 2})

    await scene.control.call()
    await scene.until(lambda: scene.problem == "service")
    await scene.until(lambda: scene.problem is None)  # the tone has sounded, with nobody speaking
    await scene.adds()
    await scene.control.hang_up()
    await _ended(scene)

    assert scene.marked("call_up") == 1, "the same call"
    assert await _played(scene, Cue.FAILED)


async def test_lost_media_ends_in_a_new_call_with_the_old_words(scene: Scene) -> None:
    await scene.strike({"fault": "drop_media", "after": 1.0})

    await scene.control.call()
    await scene.control.say(SUM)
    await scene.reaches("live", "interrupted", "waiting", "dialing", "live")

    lost, again = (mark.at for mark in scene.marks if mark.name == "call_up")
    assert 10 <= again - lost <= 30
    assert "network" in scene.problems
    await scene.adds()


@pytest.mark.parametrize(
    "fault",
    [{"fault": "hang_up", "after": 0.5}, {"fault": "expire_session", "after": 0.5}],
    ids=lambda fault: str(fault["fault"]),
)
async def test_call_that_the_service_ends_is_made_again(
    scene: Scene, fault: dict[str, object]
) -> None:
    await scene.strike(fault)

    await scene.control.call()
    await scene.reaches("live", "waiting", "dialing", "live")
    await scene.adds()

    assert set(scene.problems) == {"closed"}


async def test_words_that_are_not_understood_are_marked(
    stage: tuple[Daemon, str], tmp_path: Path
) -> None:
    _, service = stage
    microphone = tmp_path / "microphone.wav"
    with WavWriter(microphone) as file:
        file.write(user_utterance("what time is it", lead_ms=1500, tail_ms=500))

    async with (
        daemon(service, [f"audio.input_file={microphone}"]) as appliance,
        aiohttp.ClientSession() as http,
    ):
        scene = Scene(appliance, service, http)
        async with scene.watched():
            await scene.strike({"fault": "fail_transcription"})
            await scene.control.call()
            await scene.until(lambda: any(line.failed for line in scene.lines.values()))
            await scene.adds()

    failed = [line for line in scene.lines.values() if line.failed]
    assert [(line.role, line.text, line.final) for line in failed] == [("user", "", True)]


async def test_every_misfortune_is_met_here() -> None:
    met = {str(fault["fault"]) for fault in UNHARMED}
    met |= {"refuse_call", "ignore_call", "delay_call", "drop_media", "hang_up"}
    met |= {"expire_session", "fail_transcription"}
    known = {kind.__struct_config__.tag for kind in AnyFault.__args__}
    assert met == known
