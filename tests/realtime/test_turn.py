import pytest

from appliance.realtime.server_events import ServerEvent
from appliance.realtime.turn import Turns
from tests.realtime.wire import call, created, delta, done, event

STARTED = event("input_audio_buffer.speech_started", item_id="u")
STOPPED = event("input_audio_buffer.speech_stopped", item_id="u")
COMMITTED = event("input_audio_buffer.committed", item_id="u")
PLAYING = event("output_audio_buffer.started", response_id="r")
PLAYED = event("output_audio_buffer.stopped", response_id="r")
CLEARED = event("output_audio_buffer.cleared", response_id="r")


def turns(*events: ServerEvent, now: float = 1.0) -> Turns:
    folded = Turns()
    for one in events:
        folded.apply(one, now)
    return folded


def whose(folded: Turns) -> str:
    return folded.turn


def test_it_begins_with_listening() -> None:
    assert turns().turn == "listening"


def test_spoken_turn_goes_round() -> None:
    folded = Turns()
    seen = []
    for one in (STARTED, STOPPED, COMMITTED, created(), delta("Hi"), PLAYING, done(), PLAYED):
        folded.apply(one, 1.0)
        seen.append(folded.turn)
    assert seen == [
        "user speaking",
        "thinking",
        "thinking",
        "thinking",
        "speaking",
        "speaking",
        "speaking",
        "listening",
    ]


def test_assistant_has_the_turn_until_it_has_been_heard() -> None:
    assert turns(created(), PLAYING, done()).turn == "speaking"


def test_words_do_not_count_where_playback_is_told() -> None:
    folded = turns(created("q"), event("output_audio_buffer.started"), done("q"), PLAYED)
    for one in (created("r"), delta("Hi")):
        folded.apply(one, 2.0)
    assert whose(folded) == "thinking"


def test_speaker_counts_after_the_service_has_finished() -> None:
    folded = turns(created(), PLAYING, done(), PLAYED)
    folded.heard(True, 1.1)
    assert whose(folded) == "speaking"
    folded.heard(False, 1.2)
    assert whose(folded) == "listening"


def test_speaker_alone_is_enough() -> None:
    folded = Turns()
    folded.heard(True, 1.0)
    assert whose(folded) == "speaking"
    folded.heard(False, 2.0)
    assert whose(folded) == "listening"


def test_barge_in_gives_the_turn_to_the_person() -> None:
    folded = turns(created(), PLAYING, STARTED)
    assert whose(folded) == "user speaking"
    folded.apply(CLEARED, 1.0)
    folded.apply(done(status="cancelled"), 1.0)
    assert whose(folded) == "user speaking"


@pytest.mark.parametrize(
    "end",
    [
        STOPPED,
        COMMITTED,
        event("input_audio_buffer.cleared"),
        event("conversation.item.input_audio_transcription.completed", item_id="u"),
        PLAYING,
    ],
    ids=["stopped", "committed", "cleared", "transcribed", "answered"],
)
def test_one_sign_that_speech_is_over_is_enough(end: ServerEvent) -> None:
    assert turns(STARTED, end).turn != "user speaking"


def test_end_of_earlier_speech_is_not_the_end_of_this() -> None:
    late = event("conversation.item.input_audio_transcription.completed", item_id="earlier")
    assert turns(STARTED, late).turn == "user speaking"


def test_noise_gets_no_answer_and_is_forgotten() -> None:
    folded = turns(STARTED, STOPPED)
    assert whose(folded) == "thinking"
    folded.heard(False, 12.0)
    assert whose(folded) == "listening"


def test_tool_is_thought_about() -> None:
    folded = turns(created(), done("r", call("c")))
    folded.heard(False, 60.0)
    assert whose(folded) == "thinking"


def test_tool_of_an_answer_that_a_limit_cut_off_is_thought_about() -> None:
    folded = turns(created(), done("r", call("c"), status="incomplete"))
    folded.heard(False, 60.0)
    assert whose(folded) == "thinking"


def test_call_that_was_cut_off_is_not_thought_about() -> None:
    cut = done("r", call("c", status="incomplete"), status="incomplete")
    assert turns(created(), cut).turn == "listening"


def test_tool_of_a_cancelled_response_is_not() -> None:
    assert turns(created(), done("r", call("c"), status="cancelled")).turn == "listening"


def test_response_whose_end_is_missed_is_forgotten() -> None:
    folded = turns(created())
    folded.apply(event("response.output_audio.done", item_id="a", response_id="r"), 50.0)
    folded.heard(False, 100.0)
    assert whose(folded) == "thinking"
    folded.heard(False, 111.0)
    assert whose(folded) == "listening"


def test_playback_whose_end_is_missed_is_forgotten() -> None:
    folded = turns(created(), PLAYING, done())
    folded.heard(True, 4.0)
    folded.heard(False, 8.0)
    assert whose(folded) == "speaking"
    folded.heard(False, 9.5)
    assert whose(folded) == "listening"


def test_slower_channel_does_not_bring_a_response_back() -> None:
    assert turns(created(), done(), created()).turn == "listening"
    assert turns(created(), done(), done("r", call("c"))).turn == "listening"
