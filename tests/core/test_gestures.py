"""What fingers and contacts do, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.gestures import Button, Edge, Gesture, Kind, Recognizer
from tests.core.profiles import QUICK

CALL, PHOTO = Button.CALL, Button.PHOTO


def kinds(*moves: tuple[float, bool], until: float = 1000.0, button: Button = PHOTO) -> list[str]:
    """The gestures of one button that goes down and up at these times."""
    recognizer = Recognizer()
    found: list[Gesture] = []
    for at, pressed in moves:
        found += recognizer.feed(Edge(button, pressed, at))
    found += recognizer.tick(until)
    assert all(gesture.button is button for gesture in found)
    return [gesture.kind.value for gesture in found]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (0.03, ["press", "tap"]),
        (0.59, ["press", "tap"]),
        (0.61, ["press"]),
        (0.99, ["press"]),
        (1.01, ["press", "hold"]),
        (4.99, ["press", "hold"]),
        (5.01, ["press", "long"]),
        (59.9, ["press", "long"]),
        (60.1, ["press", "long", "stuck", "well"]),
        (900.0, ["press", "long", "stuck", "well"]),
    ],
)
def test_how_long_a_button_is_held_decides(held: float, expected: list[str]) -> None:
    assert kinds((10.0, True), (10.0 + held, False)) == expected


def test_press_counts_at_its_first_contact() -> None:
    assert [Gesture(CALL, Kind.PRESS, 3.0)] == Recognizer().feed(Edge(CALL, True, 3.0))


def test_thirty_bounces_in_fifteen_milliseconds_are_one_press() -> None:
    bounces = [(10.0 + number * 0.0005, number % 2 == 0) for number in range(31)]
    assert kinds(*bounces, (10.2, False)) == ["press", "tap"]


def test_bounces_on_release_are_one_release() -> None:
    bounces = [(10.3 + number * 0.0005, number % 2 == 1) for number in range(31)]
    assert kinds((10.0, True), *bounces) == ["press", "tap"]


def test_release_that_hides_in_the_bounce_is_noticed_by_time() -> None:
    recognizer = Recognizer()
    recognizer.feed(Edge(PHOTO, True, 10.0))
    recognizer.feed(Edge(PHOTO, False, 10.01))
    assert recognizer.deadline == pytest.approx(10.02)
    assert [Gesture(PHOTO, Kind.TAP, 10.02)] == recognizer.tick(10.02)
    assert recognizer.deadline is None


def test_second_press_soon_after_a_tap_is_a_double() -> None:
    taps = [(10.0, True), (10.1, False), (10.4, True), (10.5, False)]
    assert kinds(*taps) == ["press", "tap", "press", "double", "tap"]


def test_third_press_begins_anew_only_after_another_tap() -> None:
    taps = [(10.0 + n * 0.2, n % 2 == 0) for n in range(6)]
    assert kinds(*taps) == [
        "press", "tap", "press", "double", "tap", "press", "double", "tap",
    ]  # fmt: skip


def test_two_slow_taps_are_no_double() -> None:
    taps = [(10.0, True), (10.1, False), (10.6, True), (10.7, False)]
    assert kinds(*taps) == ["press", "tap", "press", "tap"]


def test_long_press_is_noticed_while_it_lasts() -> None:
    recognizer = Recognizer()
    recognizer.feed(Edge(PHOTO, True, 10.0))
    assert recognizer.deadline == 15.0
    assert recognizer.tick(14.9) == []
    assert [Gesture(PHOTO, Kind.LONG, 15.0)] == recognizer.tick(15.2)
    assert recognizer.deadline == 70.0


def test_stuck_button_is_told_once_and_leaves_the_other_alone() -> None:
    recognizer = Recognizer()
    recognizer.feed(Edge(PHOTO, True, 10.0))
    stuck = recognizer.tick(500.0)
    assert [gesture.kind for gesture in stuck] == [Kind.LONG, Kind.STUCK]
    assert recognizer.deadline is None
    assert [Gesture(CALL, Kind.PRESS, 501.0)] == recognizer.feed(Edge(CALL, True, 501.0))
    assert [Gesture(PHOTO, Kind.WELL, 502.0)] == recognizer.feed(Edge(PHOTO, False, 502.0))


def test_button_found_down_is_stuck_until_it_is_let_go() -> None:
    recognizer = Recognizer()
    assert [Gesture(CALL, Kind.STUCK, 1.0)] == recognizer.feed(Edge(CALL, True, 1.0, found=True))
    assert recognizer.deadline is None
    assert [Gesture(CALL, Kind.WELL, 1.2)] == recognizer.feed(Edge(CALL, False, 1.2))
    assert [Gesture(CALL, Kind.PRESS, 1.4)] == recognizer.feed(Edge(CALL, True, 1.4))


def flutter(count: int, pause: float, begin: float = 10.0) -> list[tuple[float, bool]]:
    """Edges of a contact that goes down first, `pause` seconds apart."""
    return [(begin + number * pause, number % 2 == 0) for number in range(count)]


def test_button_that_bounces_for_long_is_told_once_and_wishes_nothing_more() -> None:
    told = kinds(*flutter(2000, 0.03))
    assert told[-2:] == ["bouncing", "well"]
    assert (told.count("press"), told.count("tap"), told.count("bouncing")) == (8, 7, 1)


def test_eight_presses_in_more_than_a_second_are_presses() -> None:
    assert kinds(*flutter(40, 0.08)).count("press") == 20


def test_bouncing_button_is_well_after_a_second_without_an_edge() -> None:
    recognizer = Recognizer()
    edges = flutter(17, 0.05)
    for at, pressed in edges:
        recognizer.feed(Edge(PHOTO, pressed, at))
    quiet = edges[-1][0] + 1.0
    assert recognizer.deadline == pytest.approx(quiet)
    assert recognizer.tick(quiet - 0.01) == []
    assert [gesture.kind for gesture in recognizer.tick(quiet)] == [Kind.WELL]
    assert [gesture.kind for gesture in recognizer.tick(quiet + 61)] == [Kind.STUCK]  # it is down
    assert [gesture.kind for gesture in recognizer.feed(Edge(PHOTO, False, 90.0))] == [Kind.WELL]


def test_release_without_a_press_means_nothing() -> None:
    assert kinds((10.0, False)) == []


def test_repeated_edge_means_nothing() -> None:
    assert kinds((10.0, True), (10.3, True), (10.4, False)) == ["press", "tap"]


EDGES = st.lists(
    st.tuples(st.sampled_from(Button), st.booleans(), st.floats(0.0, 8.0, width=32)), max_size=60
)


@QUICK
@given(edges=EDGES, ticks=st.integers(0, 5))
def test_any_edges_make_a_sensible_story(
    edges: list[tuple[Button, bool, float]], ticks: int
) -> None:
    """For each button: presses alternate with their ends, at most one each, in order of time."""
    recognizer, now, story = Recognizer(), 0.0, list[Gesture]()
    for button, pressed, pause in edges:
        for part in range(1, ticks + 1):
            story += recognizer.tick(now + pause * part / (ticks + 1))
        now += pause
        story += recognizer.feed(Edge(button, pressed, now))
    story += recognizer.tick(now + 100.0)
    for button in Button:
        mine = [gesture for gesture in story if gesture.button is button]
        assert mine == sorted(mine, key=lambda gesture: gesture.at)
        presses = 0
        ended = True
        for gesture in mine:
            match gesture.kind:
                case Kind.PRESS:
                    presses, ended = presses + 1, False
                case Kind.DOUBLE:
                    assert presses > 1
                case Kind.TAP | Kind.HOLD | Kind.LONG:
                    assert not ended, "one press ended twice"
                    ended = True
                case Kind.STUCK:
                    assert ended
                case Kind.BOUNCING:
                    ended = True
                case Kind.WELL:
                    assert ended
        assert presses <= sum(1 for edge in edges if edge[0] is button and edge[1])


@QUICK
@given(edges=EDGES)
def test_ticking_often_changes_nothing(edges: list[tuple[Button, bool, float]]) -> None:
    lazy, busy, now = Recognizer(), Recognizer(), 0.0
    heard_lazy, heard_busy = list[Gesture](), list[Gesture]()
    for button, pressed, pause in edges:
        while (due := busy.deadline) is not None and due <= now + pause:
            heard_busy += busy.tick(due)
        now += pause
        heard_busy += busy.feed(Edge(button, pressed, now))
        heard_lazy += lazy.feed(Edge(button, pressed, now))

    def in_order(gestures: list[Gesture]) -> list[Gesture]:
        return sorted(gestures, key=lambda gesture: gesture.at)

    assert in_order(heard_lazy) == in_order(heard_busy)
