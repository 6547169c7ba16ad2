"""What a call's turns come to is told from what the appliance told."""

from typing import Literal

import pytest

from appliance.console.views import LineView, MarkView
from tests.bench.talk import Story, by_itself


def heard(*at: float) -> list[MarkView]:
    return [MarkView("speech_started", each, 1, {}) for each in at]


def test_who_is_heard_while_a_person_speaks_is_that_person() -> None:
    assert by_itself(heard(10.2, 11.5), [(10.0, 12.0)]) == 0


def test_who_is_heard_while_nobody_speaks_is_the_machine() -> None:
    assert by_itself(heard(5.0, 10.2, 13.0), [(10.0, 12.0)]) == 2


def test_other_marks_are_not_counted() -> None:
    assert by_itself([MarkView("playback_started", 5.0, 1, {})], []) == 0


def said(item: str, text: str, *, role: Literal["user", "assistant"] = "assistant") -> LineView:
    return LineView(item, 0, role, text)


@pytest.mark.parametrize(
    ("role", "since", "found"), [("assistant", 0, 1), ("user", 0, 0), ("assistant", 1, 0)]
)
def test_answer_is_the_assistants_and_later(
    role: Literal["user", "assistant"], since: int, found: int
) -> None:
    story = Story()
    story.take(said("i1", "You are welcome.", role=role))
    assert len(story.answers(since, "WELCOME")) == found


def test_answer_that_was_broken_off_is_found_as_it_is_by_now() -> None:
    story = Story()
    story.take(said("i1", "Why did the button break up with the lamp?"))
    story.take(LineView("i1", 0, "assistant", "Why did", interrupted=True))
    assert [line.interrupted for line in story.answers(0, "button")] == [True]


def test_speaking_lasts_from_start_to_stop() -> None:
    story = Story()
    told = []
    for name in ("playback_started", "speech_started", "playback_stopped"):
        story.take(MarkView(name, 0.0, 1, {}))
        told.append(story.speaking)
    assert told == [True, True, False]


async def test_waiting_for_what_never_comes_ends() -> None:
    assert not await Story().until(lambda: False, 0.0)
