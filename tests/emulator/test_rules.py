"""What people want, in the words recognisers make of it."""

import pytest

from appliance.emulator.rules import in_words, normalized, wishes

KINDS = {
    "hello": ["hello", "Hi there!", "Good morning.", "Hey"],
    "add": [
        "add two and five slowly",
        "Add 2 and 5, slowly.",
        "At to and five slowly.",
        "Add to and five slow.",
        "What is two plus five?",
        "please add two to five",
        "the sum of two and five",
    ],
    "upper": [
        "make hello world upper case",
        "Make hello world uppercase.",
        "Make hello world up her case",
    ],
    "time": ["what time is it", "What's the time?", "Tell me the time, please."],
    "status": [
        "what is the state of the device",
        "device status",
        "How is the device?",
        "What's your status?",
    ],
    "photo": [
        "take a photo",
        "Take another picture.",
        "What do you see?",
        "Describe this picture.",
    ],
    "joke": ["tell me a joke", "Tell me a choke.", "Another joke please"],
    "count": ["please count from one to twenty", "Can't from one to twenty.", "count to 20"],
    "stop": ["stop", "Stop!", "Please be quiet", "OK, stop."],
    "goodbye": ["goodbye", "Good bye.", "Bye.", "hang up", "please end the call"],
    "thanks": ["thank you", "Thanks!"],
    "who": ["who are you"],
    "repeat": ["say I am a teapot"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in KINDS.items() for text in texts]
)
def test_wish_is_found(kind: str, text: str) -> None:
    assert [wish.kind for wish in wishes(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "You",
        "the weather is nice today",
        "He had to go to the station for two hours.",
        "what is the capital of France",
        "the quick brown fox jumps over the lazy dog",
        "I would like to order a large coffee",
        "the birch canoe slid on the smooth planks",
    ],
)
def test_nothing_is_found_where_nothing_was_asked(text: str) -> None:
    assert wishes(text) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("add two and five", (2, 5)),
        ("at to and for", (2, 4)),
        ("add seventeen and twenty-five", (17, 25)),
        ("add 1,200 and thirty one", (1200, 31)),
        ("count from one to twenty", (1, 20)),
        ("count to ten", (10,)),
    ],
)
def test_numbers_are_taken_from_words_and_digits(text: str, numbers: tuple[int, ...]) -> None:
    assert wishes(text)[0].numbers == numbers


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("make hello world upper case", "hello world"),
        ("turn the words good night into upper case please", "good night"),
        ("write this is a test in capital letters", "this is a test"),
        ("say I am a teapot", "i am a teapot"),
    ],
)
def test_text_slot_holds_the_words(text: str, slot: str) -> None:
    assert wishes(text)[0].text == slot


def test_two_wishes_come_in_the_order_they_were_said() -> None:
    kinds = [wish.kind for wish in wishes("Tell me a joke and what time is it")]
    assert kinds == ["joke", "time"]
    kinds = [wish.kind for wish in wishes("What time is it and add two and five")]
    assert kinds == ["time", "add"]


def test_a_greeting_beside_a_request_is_only_polite() -> None:
    assert [wish.kind for wish in wishes("Hello, what time is it? Thank you.")] == ["time"]


def test_normal_form_is_lower_case_with_digits() -> None:
    assert normalized("Add  Twenty-Five, and THREE!") == "add 25 and 3"


@pytest.mark.parametrize(
    ("number", "word"), [(0, "zero"), (13, "thirteen"), (40, "forty"), (57, "fifty-seven"),
                         (100, "100"), (2.5, "2.5"), (-3, "-3")],
)  # fmt: skip
def test_numbers_are_spoken(number: float, word: str) -> None:
    assert in_words(number) == word
