"""The transcript of several calls in one order."""

from appliance.memory import ENTRIES_KEPT, Memory
from appliance.realtime.conversation import Entry


def entry(item_id: str, position: int, text: str = "") -> Entry:
    return Entry(item_id, position, "user", text, final=True)


def ids(memory: Memory) -> list[str]:
    return [kept.item_id for kept in memory.entries()]


def test_order_within_a_call_is_the_conversations_not_that_of_arrival() -> None:
    memory = Memory()
    memory.remember(entry("b", 1))
    memory.remember(entry("a", 0))
    assert ids(memory) == ["a", "b"]


def test_next_call_comes_after_all_before() -> None:
    memory = Memory()
    memory.remember(entry("a", 5))
    memory.next_call()
    memory.remember(entry("b", 0))
    assert ids(memory) == ["a", "b"]


def test_later_text_replaces_the_earlier_in_place() -> None:
    memory = Memory()
    memory.remember(entry("a", 0, "he"))
    memory.remember(entry("b", 1))
    memory.remember(entry("a", 0, "hello"))
    assert [kept.text for kept in memory.entries()] == ["hello", ""]


def test_entry_that_moves_within_its_call_moves() -> None:
    memory = Memory()
    memory.remember(entry("a", 0))
    memory.next_call()
    memory.remember(entry("c", 0))
    memory.remember(entry("b", 0))
    memory.remember(entry("c", 1))
    assert ids(memory) == ["a", "b", "c"]


def test_oldest_lines_go_first() -> None:
    memory = Memory()
    for number in range(ENTRIES_KEPT + 3):
        memory.remember(entry(f"item_{number}", number))
    assert ids(memory)[0] == "item_3"
    assert len(ids(memory)) == ENTRIES_KEPT
