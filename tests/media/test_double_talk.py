"""Who is in the microphone: the echo alone, a person with it, or an echo that has jumped."""

import numpy as np
import numpy.typing as npt

from appliance.media.bands import WIDE_BLOCK, power, product
from appliance.media.double_talk import DoubleTalk

Sound = npt.NDArray[np.float64]

LEAK = 10 ** (-25 / 20)  # what the filter leaves of the echo


class Line:
    """A filter that takes out all of the echo but LEAK of it, and a person who may speak."""

    def __init__(self) -> None:
        self.talk = DoubleTalk()
        self._rng = np.random.default_rng(5)

    def _noise(self, level: float) -> Sound:
        return self._rng.normal(0, 32768 * 10 ** (level / 20), WIDE_BLOCK)

    def _take(self, near: Sound, echo: Sound) -> None:
        heard, found = near.astype(np.float32), echo.astype(np.float32)
        self.talk.take(power(heard), product(heard, found), power(found))

    def run(
        self, blocks: int, *, echo: float = -20.0, person: float = -90.0, leak: float = LEAK
    ) -> list[bool]:
        """Return in which blocks there was a person. Levels in dBFS."""
        seen = []
        for _ in range(blocks):
            found = self._noise(echo)
            near = found + leak * self._noise(echo) + self._noise(person)
            self._take(near, found)
            seen.append(self.talk.person)
        return seen

    def turned_up(self) -> None:
        """Take in a block of an echo that is twice as loud as the filter knows it."""
        found = self._noise(-20)
        self._take(2 * found, found)

    def jump(self, blocks: int, person: float = -90.0, echo: float = -20.0) -> list[bool]:
        """Return in which blocks the echo was taken for lost, the filter being wrong."""
        seen = []
        for _ in range(blocks):
            near = self._noise(echo) + self._noise(person)
            self._take(near, self._noise(echo))
            seen.append(self.talk.astray(person=False))
        return seen


def settled() -> Line:
    line = Line()
    line.run(700)
    return line


def test_leak_is_learnt_and_taken_for_nobody() -> None:
    line = Line()
    assert not any(line.run(1000))
    assert -28 < line.talk.leak < -22


def test_person_is_found_within_50_ms_though_fainter_than_the_echo() -> None:
    line = settled()
    assert line.run(5, person=-28.0)[-1]
    assert line.talk.suspected


def certain(line: Line, blocks: int, person: float = -90.0) -> list[bool]:
    """Return after which blocks the filter alone is enough. `person`: dBFS."""
    seen = []
    for _ in range(blocks):
        line.run(1, person=person)
        seen.append(line.talk.certain)
    return seen


def test_loud_person_is_certain_after_40_ms_and_a_faint_one_never() -> None:
    assert not any(certain(settled(), 50, person=-28.0))
    line = settled()
    assert certain(line, 4, person=-16.0) == [False, False, False, True]
    assert not certain(line, 4)[-1]


def test_faint_person_who_is_loud_for_a_moment_is_not_certain() -> None:
    line = settled()
    certain(line, 20, person=-28.0)
    assert line.talk.person
    assert not any(certain(line, 2, person=-16.0))


def test_nobody_is_certain_in_an_echo_that_became_louder() -> None:
    line = settled()
    for _ in range(50):
        line.turned_up()
        assert not line.talk.certain


def test_nobody_is_certain_over_an_echo_that_has_jumped() -> None:
    line = settled()
    for _ in range(20):
        line.jump(1)
        assert not line.talk.certain


def test_person_is_not_part_of_what_the_filter_usually_leaves() -> None:
    line = settled()
    before = line.talk.leak
    line.run(200, person=-24.0)
    assert abs(line.talk.leak - before) < 1


def test_nobody_is_told_from_the_echo_before_the_filter_has_settled() -> None:
    line = Line()
    assert not any(line.run(300, person=-20.0, leak=1.0))


def test_who_is_heard_over_a_known_echo_has_to_be_louder_over_a_new_one() -> None:
    known, new = Line(), Line()
    known.run(900)
    new.run(200)
    assert abs(known.talk.leak - new.talk.leak) < 1
    assert any(known.run(20, person=-31.0))
    assert not any(new.run(20, person=-31.0))
    assert any(new.run(20, person=-28.0))


def test_after_a_jump_the_filter_may_leave_more_until_it_is_learnt_anew() -> None:
    worse = LEAK * 10 ** (14 / 20)
    assert any(settled().run(10, leak=worse))
    line = settled()
    line.talk.learn_anew()
    assert not any(line.run(10, leak=worse))
    line.run(100)
    assert any(line.run(10, leak=worse))


def test_jumps_one_after_the_other_are_all_seen() -> None:
    line = settled()
    for _ in range(4):
        assert any(line.jump(10))
        line.talk.miss()
        line.talk.learn_anew()


def test_worse_filter_wants_a_louder_person() -> None:
    line = Line()
    worse = 10 ** (-14 / 20)
    assert not any(line.run(600, leak=worse))
    assert not any(line.run(20, person=-31.0, leak=worse))
    assert any(line.run(10, person=-20.0, leak=worse))


def test_end_of_a_word_that_the_room_prolongs_is_nobody() -> None:
    line = settled()
    line.run(20)
    assert not any(line.run(10, echo=-60.0, person=-44.0))


def test_faint_sound_is_nobody_however_little_echo_there_is() -> None:
    line = settled()
    line.run(200, echo=-80.0)
    assert not any(line.run(50, echo=-80.0, person=-50.0))


def test_echo_that_jumps_as_a_syllable_ends_is_lost_within_50_ms() -> None:
    assert any(settled().jump(5, echo=-36.0))


def test_echo_that_jumps_is_lost_within_50_ms_and_no_person() -> None:
    line = settled()
    assert any(line.jump(5))
    assert not line.talk.person or line.talk.astray(person=False)


def test_person_is_no_lost_echo() -> None:
    line = settled()
    for _ in range(20):
        line.run(5, person=-20.0)
        assert not line.talk.astray(person=False)


def test_with_a_person_a_lost_echo_takes_longer_to_believe() -> None:
    line = settled()
    line.jump(6)
    assert line.talk.astray(person=False)
    assert not line.talk.astray(person=True)
    line.jump(10)
    assert line.talk.astray(person=True)


def test_while_the_echo_is_sought_nobody_is_believed() -> None:
    line = settled()
    line.run(10, person=-20.0)
    line.talk.miss()
    assert not line.talk.person
    assert not line.talk.suspected
    assert not line.talk.astray(person=False)


def test_filter_that_adds_an_echo_is_told_before_it_has_settled_too() -> None:
    line = Line()
    line.run(20, leak=1.0)
    assert not line.talk.harmful
    line.jump(10, person=-90.0)
    assert line.talk.harmful
