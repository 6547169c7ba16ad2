"""Which events belong on the timeline."""

from appliance.call.marks import Timeline
from appliance.realtime.server_events import (
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    SpeechStarted,
    SpeechStopped,
    Unknown,
)
from appliance.realtime.shapes import Response

STARTED = OutputStarted(response_id="resp_1")
STOPPED = OutputStopped(response_id="resp_1")
CLEARED = OutputCleared(response_id="resp_1")
SPEECH = SpeechStarted(item_id="item_1", audio_start_ms=0)
PAUSE = SpeechStopped(item_id="item_1", audio_end_ms=500)


def test_each_event_is_marked_once_though_it_comes_twice() -> None:
    line = Timeline()
    created = ResponseCreated(response=Response(id="resp_1"))

    events = (SPEECH, PAUSE, created, STARTED, STOPPED)
    marks = [name for event in events for name in (*line.apply(event), *line.apply(event))]

    assert marks == [
        "speech_started",
        "speech_stopped",
        "response_created",
        "playback_started",
        "playback_stopped",
    ]
    assert (line.turns, line.responses) == (1, 1)


def test_late_start_on_the_slower_channel_does_not_play_again() -> None:
    line = Timeline()
    for event in (STARTED, STOPPED, STARTED):
        line.apply(event)

    assert not line.playing


def test_interruption_is_a_clearing_while_the_person_speaks() -> None:
    line = Timeline()
    line.apply(STARTED)
    line.apply(SPEECH)

    assert line.playing
    assert line.apply(CLEARED) == ("barge_in", "playback_stopped")
    assert not line.playing


def test_clearing_by_our_own_wish_is_no_interruption() -> None:
    line = Timeline()
    for event in (STARTED, SPEECH, PAUSE):
        line.apply(event)

    assert line.apply(CLEARED) == ("playback_stopped",)


def test_other_events_are_not_marked() -> None:
    assert Timeline().apply(Unknown(name="weather", size=3)) == ()
