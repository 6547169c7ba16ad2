"""What keeps the box from hearing itself may fail: then it takes turns, and says so."""

from collections.abc import Callable

import pytest

from appliance.core.events import CallUp, EchoFailed
from appliance.core.model import Problem
from appliance.media.echo import EchoCanceller, HalfDuplex, NoEcho
from appliance.media.webrtc_echo import WebRtcEcho
from tests.call.scenes import SPEECH, playback, scene
from tests.call.small_service import SmallService
from tests.call.stage import calling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def interrupted(service: SmallService, number: int) -> None:
    """Have the assistant cut off by a voice, be it its own."""
    speech = SPEECH | {"event_id": f"event_{number}", "item_id": f"item_{number}"}
    response = f"resp_{number}"
    service.on_channel(playback("started", response), speech, playback("cleared", response))


@pytest.mark.parametrize(
    ("echo", "times", "after"),
    [
        (WebRtcEcho, 2, "webrtc"),
        (WebRtcEcho, 3, "half-duplex"),
        (lambda: NoEcho("system"), 3, "system"),  # whoever chose it keeps it
    ],
)
async def test_box_that_interrupts_itself_closes_its_microphone_and_says_so(
    echo: Callable[[], EchoCanceller], times: int, after: str
) -> None:
    async with scene() as (service, stage):
        stage.echo = echo
        async with calling(stage) as running:
            await stage.mark("data_channel_open")
            for number in range(times):
                interrupted(service, number)
            await stage.mark("barge_in", times)
            sound = running.call.sound()

    assert sound["echo"] == after
    assert ("half_duplex" in stage.marks()) == (after == "half-duplex")
    told = [event.problem for event in stage.events if isinstance(event, EchoFailed)]
    assert [problem.kind for problem in told] == ["device"] * (after == "half-duplex")
    assert [f"{problem.cause} {problem.cure}" for problem in told] == [
        told for name, told in sound.items() if name == "half_duplex"
    ]


class Unsteady(NoEcho):
    """A canceller that has lost the echo for good."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "webrtc"

    @property
    def steady(self) -> bool:
        return False


async def test_clocks_that_run_apart_close_the_microphone_once_and_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with scene() as (_, stage):
        stage.echo = Unsteady
        async with calling(stage) as running:
            await stage.mark("half_duplex")
            await stage.event(CallUp)
            await stage.until(lambda: len(stage.levels()) > 3)
            sound = running.call.sound()

    assert sound["echo"] == "half-duplex"
    assert stage.marks().count("half_duplex") == 1
    assert [type(event) for event in stage.events].count(EchoFailed) == 1
    assert caplog.text.count("do not keep time") == 1


async def test_whoever_chose_the_canceller_keeps_it_and_is_warned_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with scene() as (service, stage):
        stage.echo = WebRtcEcho
        stage.may_fall_back = False
        async with calling(stage) as running:
            await stage.mark("data_channel_open")
            for number in range(5):
                interrupted(service, number)
            await stage.mark("barge_in", 5)
            sound = running.call.sound()

    assert sound["echo"] == "webrtc"
    assert "half_duplex" not in stage.marks()
    warnings = [told.getMessage() for told in caplog.records if told.name.endswith("echo_watch")]
    assert len(warnings) == 1
    assert "hears itself" in warnings[0]
    assert "turn the speaker down. Or set audio.echo to auto." in warnings[0]
    told = [event for event in stage.events if isinstance(event, EchoFailed)]
    assert [f"{event.problem.cause} {event.problem.cure}" for event in told] == warnings


async def test_missing_canceller_is_told_once_the_call_is_up() -> None:
    async with scene() as (_, stage):
        stage.echo = lambda: HalfDuplex(Problem("device", "None here.", "Install it."))
        async with calling(stage) as running:
            told = await stage.event(EchoFailed)
            await stage.until(lambda: len(stage.levels()) > 3)
            sound = running.call.sound()

    assert told == EchoFailed(1, Problem("device", "None here.", "Install it."))
    kinds = [type(event) for event in stage.events]
    assert kinds.count(EchoFailed) == 1
    assert kinds.index(EchoFailed) == kinds.index(CallUp) + 1
    assert sound["half_duplex"] == "None here. Install it."


async def test_half_duplex_that_was_chosen_is_no_news() -> None:
    async with scene() as (_, stage):
        stage.echo = HalfDuplex
        async with calling(stage) as running:
            await stage.until(lambda: len(stage.levels()) > 3)
            assert "half_duplex" not in running.call.sound()

    assert not any(isinstance(event, EchoFailed) for event in stage.events)


async def test_missing_canceller_is_not_told_again_when_a_call_is_carried_on() -> None:
    item = {"type": "message", "role": "user", "status": "completed", "id": "item_0"}
    asked = item | {"content": [{"type": "input_text", "text": "Why?"}]}
    async with scene() as (service, stage):
        stage.echo = lambda: HalfDuplex(Problem("device", "None here.", "Install it."))
        async with calling(stage) as broken:
            await stage.mark("data_channel_open")
            service.on_channel({"type": "conversation.item.added", "item": asked})
            await stage.until(lambda: bool(stage.transcript()))
        async with calling(stage, stage.open_call(2, broken.call)) as running:
            assert "half_duplex" in running.call.sound()

    told = [event for event in stage.events if isinstance(event, EchoFailed)]
    assert [event.call_no for event in told] == [1]
