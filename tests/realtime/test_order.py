from hypothesis import given
from hypothesis import strategies as st

from appliance.realtime.order import Order


def test_unknown_predecessor_means_the_end_for_now() -> None:
    order = Order()
    for key in "abc":
        order.place(key, None)
    assert order.keys() == ("a", "b", "c")
    assert order["a"] < order["b"] < order["c"]


def test_known_predecessor_decides() -> None:
    order = Order()
    order.place("a", None)
    order.place("c", "a")
    assert not order.place("b", "a")
    assert order.keys() == ("a", "b", "c")
    assert order["a"] < order["b"] < order["c"]


def test_guess_is_corrected_once() -> None:
    order = Order()
    for key in "abc":
        order.place(key, None)
    order.place("c", "a")
    assert order.keys() == ("a", "c", "b")
    order.place("c", "b")
    assert order.keys() == ("a", "c", "b")


def test_guess_stays_without_better_knowledge() -> None:
    order = Order()
    order.place("a", None)
    order.place("b", None)
    order.place("a", None)
    order.place("a", "stranger")
    assert order.keys() == ("a", "b")


def test_item_after_itself_does_no_harm() -> None:
    order = Order()
    order.place("a", None)
    order.place("b", None)
    order.place("a", "a")
    assert sorted(order.keys()) == ["a", "b"]


def test_others_move_only_when_there_is_no_room() -> None:
    order = Order()
    order.place("a", None)
    order.place("z", None)
    moved = [order.place(f"k{index}", "a") for index in range(25)]
    assert moved.count(True) == 1
    assert order.keys() == ("a", *(f"k{index}" for index in reversed(range(25))), "z")


def test_first_can_be_forgotten() -> None:
    order = Order()
    order.place("a", None)
    order.place("b", "a")
    assert order.drop_first() == "a"
    assert order.keys() == ("b",)
    assert len(order) == 1


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", *"abcdefgh"]))))
def test_positions_always_agree_with_the_order(steps: list[tuple[str, str]]) -> None:
    order = Order()
    for key, after in steps:
        order.place(key, after or None)
    positions = [order[key] for key in order.keys()]  # noqa: SIM118 - no dict
    assert positions == sorted(set(positions))
    assert set(order.keys()) == {key for key, _ in steps}
