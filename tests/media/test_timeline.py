from hypothesis import given
from hypothesis import strategies as st

from appliance.media.timeline import FRAME, FRAME_SAMPLES, PATIENCE, STALL, Timeline


def test_frames_follow_one_another() -> None:
    timeline = Timeline()
    assert [timeline.frame(i, i * FRAME) for i in range(7, 11)] == [0, 960, 1920, 2880]


def test_a_lost_frame_leaves_its_gap() -> None:
    timeline = Timeline()
    timeline.frame(0, 0.0)
    assert timeline.frame(3, 0.06) == 3 * FRAME_SAMPLES


def test_unrest_of_the_loop_leaves_no_gap() -> None:
    timeline = Timeline()
    timeline.frame(0, 0.0)
    assert timeline.frame(1, 0.15) == FRAME_SAMPLES


def test_media_time_jumps_over_a_stall_of_everything() -> None:
    timeline = Timeline()
    timeline.frame(0, 0.0)
    assert timeline.frame(1, 5.0) == 250 * FRAME_SAMPLES


def test_a_stall_of_the_loop_alone_is_told_by_the_frames_that_were_lost() -> None:
    timeline = Timeline()
    timeline.frame(0, 0.0)
    # one second later: ten frames are left, 39 were lost
    times = [timeline.frame(40 + i, 1.0, waiting=9 - i) for i in range(10)]
    assert times == [(40 + i) * FRAME_SAMPLES for i in range(10)]


def test_silence_takes_the_place_of_missing_frames_at_the_same_pace() -> None:
    timeline = Timeline()
    timeline.frame(0, 0.0)
    now = 0.0
    sent: list[tuple[float, int]] = []
    while len(sent) < 10:
        now = max(now, timeline.deadline(now))
        sent.append((round(now, 3), timeline.silence(now) // FRAME_SAMPLES))
    # patience first; then what was due meanwhile at once; then one every 20 ms
    assert sent == [
        (0.08, 1), (0.08, 2), (0.08, 3), (0.08, 4),
        (0.1, 5), (0.12, 6), (0.14, 7), (0.16, 8), (0.18, 9), (0.2, 10),
    ]  # fmt: skip


def test_the_card_goes_on_where_silence_ended() -> None:
    timeline = Timeline()
    timeline.frame(0, 0.0)
    timeline.silence(0.08)
    timeline.silence(0.08)
    assert timeline.filling
    assert timeline.frame(1, 0.1) == 3 * FRAME_SAMPLES
    assert not timeline.filling


def test_silence_after_a_stall_of_everything_does_not_make_up_for_it() -> None:
    timeline = Timeline()
    timeline.silence(0.0)
    first = timeline.silence(9.0)
    assert first == 450 * FRAME_SAMPLES
    assert timeline.deadline(9.0) == 9.0 + FRAME


def test_a_track_without_a_card_begins_after_its_patience() -> None:
    assert Timeline().deadline(10.0) == 10.0 + FRAME + PATIENCE
    assert Timeline().silence(10.0) == 0


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 5), st.floats(0.0, 2.0), st.integers(0, 9)),
        max_size=40,
    )
)
def test_media_time_only_grows_and_stays_on_the_grid(
    steps: list[tuple[bool, int, float, int]],
) -> None:
    timeline, index, now, last = Timeline(), 0, 0.0, -FRAME_SAMPLES
    for card, skip, pause, waiting in steps:
        now += pause
        if card:
            index += skip
            pts = timeline.frame(index, now, waiting)
        else:
            pts = timeline.silence(now)
        assert pts >= last + FRAME_SAMPLES
        assert pts % FRAME_SAMPLES == 0
        last = pts


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=30))
def test_media_time_never_lags_the_clock_by_more_than_a_stall(pauses: list[float]) -> None:
    timeline, now = Timeline(), 0.0
    timeline.frame(0, now)
    for index, pause in enumerate(pauses, start=1):
        now += pause
        pts = timeline.frame(index, now)
        assert pts / 48_000 >= now - (STALL + FRAME) * index - FRAME
