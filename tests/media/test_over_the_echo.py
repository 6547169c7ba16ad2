"""What is heard of somebody who speaks over an echo: from their first sound on, or not at all."""

from dataclasses import dataclass

import numpy as np
import pytest

from appliance.media.bands import WIDE_BLOCK, Block
from appliance.media.over_the_echo import OverTheEcho, Release, Split


@dataclass
class Talk:
    """What the filter says of a block."""

    leak: float = -25.0
    over: bool = True
    suspected: bool = True
    person: bool = True
    certain: bool = False


ECHO_ALONE = Talk(over=False, suspected=False, person=False)
LOUD, FAINT = 3000, 30  # AEC3 agrees with the one, and takes away the other


class Line:
    """Gives blocks a number, so that one can be told from another."""

    def __init__(self) -> None:
        self.person = OverTheEcho()
        self.left: list[Block] = []

    def block(self, talk: Talk, *, clean: int, passes: bool = True) -> list[Block]:
        """Return the blocks that are heard. `clean`: how loud AEC3 leaves it, as an amplitude."""
        return self.heard(talk, clean=clean, passes=passes).blocks

    def heard(self, talk: Talk, *, clean: int, passes: bool = True) -> Release:
        rng = np.random.default_rng(len(self.left))
        left = rng.normal(0, LOUD, WIDE_BLOCK).astype(np.int16)
        self.left.append(left)
        split = Split(left, np.zeros(WIDE_BLOCK, np.float32))
        after = rng.normal(0, clean, WIDE_BLOCK).astype(np.int16)
        return self.person.heard(after, split, talk, passes=passes)  # type: ignore[arg-type]


def same(heard: list[Block], said: list[Block]) -> bool:
    """Whether it is that, but for what rounding does."""
    return bool(np.allclose(np.concatenate(heard), np.concatenate(said), atol=2))


def loud(block: Block) -> bool:
    return bool(np.abs(block).max() > LOUD)


def test_closed_gate_is_silence() -> None:
    (heard,) = Line().block(Talk(), clean=LOUD, passes=False)
    assert not heard.any()


def test_what_was_withheld_comes_first_three_blocks_at_a_time() -> None:
    line = Line()
    line.block(ECHO_ALONE, clean=FAINT, passes=False)
    for _ in range(5):
        line.block(Talk(), clean=LOUD, passes=False)
    heard = [line.heard(Talk(), clean=LOUD) for _ in range(5)]
    # One before, five withheld and these five; the last is not yet heard whole.
    assert [len(each.blocks) for each in heard] == [2, 3, 3, 1, 1]
    assert same([block for each in heard for block in each.blocks], line.left[:-1])
    assert [each.instead for each in heard] == [6, 0, 0, 0, 0]


def test_person_who_goes_on_after_a_pause_is_not_heard_with_what_was_before_it() -> None:
    line = Line()
    for _ in range(5):
        line.block(Talk(), clean=LOUD)
    pause = Talk(over=False, suspected=False, person=False)
    for _ in range(3):
        line.block(pause, clean=FAINT)
    said = len(line.left)
    (first,) = line.block(Talk(), clean=LOUD)
    assert np.abs(first).max() <= 1
    assert same([block for _ in range(4) for block in line.block(Talk(), clean=LOUD)],
                line.left[said:-1])  # fmt: skip


@pytest.mark.parametrize(("blocks", "heard"), [(5, False), (6, True)])
def test_aec3_that_disagrees_is_believed_after_50_ms(blocks: int, heard: bool) -> None:
    line = Line()
    for _ in range(blocks - 1):
        line.block(Talk(), clean=FAINT)
    (last,) = line.block(Talk(), clean=FAINT)
    assert last.any() == heard
    assert not loud(last)  # AEC3's part of it


def test_aec3_is_not_asked_about_a_person_beyond_doubt() -> None:
    line = Line()
    line.block(Talk(), clean=FAINT, passes=False)
    assert loud(line.block(Talk(certain=True), clean=FAINT)[-1])


def test_nobody_is_heard_once_the_filter_takes_them_for_none_before_aec3_agreed() -> None:
    line = Line()
    for _ in range(3):
        line.block(Talk(), clean=FAINT)
    gone = Talk(over=False, person=False)
    assert not any(block.any() for _ in range(30) for block in line.block(gone, clean=LOUD))


def test_person_goes_on_when_the_filter_hears_a_pause_after_aec3_agreed() -> None:
    line = Line()
    line.block(Talk(), clean=LOUD)
    pause = Talk(over=False, person=False)
    assert any(loud(block) for _ in range(5) for block in line.block(pause, clean=LOUD))


def test_filter_that_leaves_too_much_is_not_heard() -> None:
    line = Line()
    lost = Talk(leak=-10.0)
    heard = [block for _ in range(20) for block in line.block(lost, clean=FAINT)]
    assert not any(map(loud, heard))


def test_words_left_over_are_not_for_the_next_person() -> None:
    line = Line()
    for _ in range(9):
        line.block(Talk(), clean=LOUD, passes=False)
    assert len(line.block(Talk(), clean=LOUD)) == 2
    line.person.gone()
    counts = [len(line.block(Talk(), clean=LOUD)) for _ in range(3)]
    assert counts == [0, 1, 1]  # nobody was before them
