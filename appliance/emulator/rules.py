"""What a person wants, from words that a recogniser may have got slightly wrong - pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

Kind = Literal[
    "hello", "add", "upper", "time", "status", "photo", "joke", "count", "stop", "goodbye",
    "thanks", "who", "repeat",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing asked for. `numbers` and `text` are its slots; `start` orders wishes."""

    kind: Kind
    start: int = 0
    numbers: tuple[int, ...] = ()
    text: str = ""


_UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS: Final[Mapping[str, int]] = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 20 + 10 * index for index, word in enumerate(_TENS)},
}
# Heard in the place of a number; only believed where a number is expected.
_SOUNDS_LIKE_NUMBER: Final[Mapping[str, int]] = {
    "to": 2, "too": 2, "tu": 2, "for": 4, "fore": 4, "won": 1, "ate": 8, "tree": 3, "sex": 6,
    "fife": 5, "fine": 5, "tin": 10, "tan": 10,
}  # fmt: skip
# Heard in the place of a key word: what the recogniser made of synthetic and human voices.
_SOUNDS_LIKE: Final[Mapping[str, str]] = {
    "at": "add", "ad": "add", "had": "add", "aid": "add", "and add": "add", "uppercase": "upper",
    "upper-case": "upper", "capitals": "upper", "can't": "count",
    "account": "count", "joe": "joke", "jokes": "joke", "choke": "joke", "bye": "goodbye",
    "goodby": "goodbye", "photograph": "photo", "foto": "photo", "image": "picture",
    "pitcher": "picture", "clock": "time", "o'clock": "time", "hi": "hello", "hey": "hello",
    "hallo": "hello",
}  # fmt: skip
# Words that decide; a word heard that is nearly one of them is taken for it.
_KEYS: Final = (
    "hello", "upper", "case", "letters", "time", "status", "state", "device", "photo", "picture",
    "joke", "count", "stop", "goodbye", "describe", "repeat", "thanks", "slowly", "twenty",
)  # fmt: skip
# Below this share of equal letters it is another word (tried on the recogniser's mistakes).
_ALIKE: Final = 0.78

_N = r"(\d+)"
_UPPER = r"\b(?:upper(?: case)?|capital letters|big letters)\b"
_THING = r"(?:device|appliance|machine|system|pi)"
_PATTERNS: Final[tuple[tuple[Kind, str], ...]] = (
    ("add", rf"\b(?:add|sum of|sum up|what is|what's)\b\D{{0,12}}{_N}\D{{1,10}}? {_N}"),
    ("add", rf"{_N} (?:plus|add) {_N}"),
    ("count", rf"\bcount\b(?:.{{0,20}}?\bfrom {_N})?(?: (?:up|to|until|till))* {_N}"),
    ("upper", rf"\b(?:make|turn|put|convert|write|change|set|spell)\b (.+?) {_UPPER}"),
    ("upper", rf"{_UPPER} (?:of |for )?(.+)$"),
    ("time", r"\b(?:what|the|current) (?:time|hour|date)\b"),
    ("time", r"\btime is it\b"),
    ("time", r"\bwhat day is\b"),
    ("status", rf"\b(?:status|state|health) (?:of|off) (?:the |this |your )*{_THING}\b"),
    ("status", rf"\b(?:your|{_THING}(?:'s)?) (?:status|state|health)\b"),
    ("status", rf"\bhow is (?:the|this|your) {_THING}\b"),
    ("status", r"\bhow are you\b|\bstatus report\b"),
    ("photo", r"\b(?:take|make|shoot|snap)\b.{0,16}\b(?:photo|picture)\b"),
    ("photo", r"\bwhat (?:do|can|did) you see\b|\blook (?:at|around)\b|\bdescribe\b"),
    ("photo", r"\bwhat is (?:in|on) (?:the|this) (?:photo|picture)\b"),
    ("joke", r"\bjoke\b|\bmake me laugh\b|\bsomething funny\b"),
    ("goodbye", r"\bgoodbye\b|\bsee you\b|\bhang up\b"),
    ("goodbye", r"\bend (?:the|this) (?:call|conversation)\b"),
    ("repeat", r"^(?:please )?(?:say|repeat)(?: after me)? (.+)$"),
    ("stop", r"^(?:ok |okay |no |please )*(?:stop|be quiet|shut up|silence|never mind)\b"),
    ("stop", r"^(?:ok |okay |no |please )*(?:cancel|that's enough|enough)\b"),
    ("thanks", r"\bthank(?:s| you)\b"),
    ("who", r"\bwho are you\b|\bwhat are you\b|\byour name\b"),
    ("hello", r"^(?:\w+ )?hello\b|^good (?:morning|evening|afternoon|day)\b"),
)
# Small words at the ends of what shall be written in capitals.
_FRAME: Final = re.compile(r"^(?:the words? )+|(?: (?:in|into|to|all|an|the|is))+$")
_COMPILED: Final = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)
# Said beside a real wish, these mean nothing more.
_POLITE: Final = ("hello", "thanks")


def wishes(text: str) -> list[Wish]:
    """What is asked for, in the order it was said; nothing when none of it is understood."""
    normal = normalized(text)
    found: list[Wish] = []
    rest = normal
    for kind, pattern in _COMPILED:
        match = pattern.search(rest)
        if match is None or any(wish.kind == kind for wish in found):
            continue
        found.append(_wish(kind, match))
        # What one wish is made of cannot be part of another; its place keeps its length.
        rest = rest[: match.start()] + "#" * (match.end() - match.start()) + rest[match.end() :]
    real = [wish for wish in found if wish.kind not in _POLITE]
    return sorted(real or found[:1], key=lambda wish: wish.start)


def normalized(text: str) -> str:
    """Lower case, no punctuation, numbers as digits, key words where something like them is."""
    plain = re.sub(r"(?<=\d)[,.](?=\d{3}\b)", "", text.lower().replace("’", "'"))  # noqa: RUF001
    plain = re.sub(r"[^a-z0-9' -]", " ", plain)
    plain = re.sub(r"\bgood[ -]bye\b", "goodbye", plain)
    plain = re.sub(r"\b(?:up|op) ?(?:a|her|per) case\b", "upper case", plain)
    words = [_SOUNDS_LIKE.get(word, word) for word in plain.split()]
    return " ".join(_with_digits([_key(word) for word in _numbers_heard(words)]))


def _wish(kind: Kind, match: re.Match[str]) -> Wish:
    groups = [group for group in match.groups() if group is not None]
    numbers = tuple(int(group) for group in groups if group.isdigit())
    words = "" if kind in {"add", "count"} or not groups else groups[0].strip(" #")
    if kind == "upper":
        words = _FRAME.sub("", words)
    return Wish(kind, match.start(), numbers, words)


def _numbers_heard(words: list[str]) -> list[str]:
    """Turn `add to and five` into `add two and five`, but leave `count to twenty` alone."""
    result = list(words)
    for index, word in enumerate(words):
        value = _SOUNDS_LIKE_NUMBER.get(word)
        if value is None:
            continue
        before = result[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        first = before in {"add", "plus"} and (after in {"and", "plus", "to"} or _is_number(after))
        second = (
            before in {"and", "plus"}
            and index >= 2
            and _is_number(result[index - 2])
            and after in {"", "slowly", "please"}
        )
        if first or second:
            result[index] = str(value)
    return result


def _is_number(word: str) -> bool:
    return word.isdigit() or word in _NUMBERS


def _key(word: str) -> str:
    if len(word) < 4 or word in _KEYS or _is_number(word):
        return word
    best, share = word, _ALIKE
    for key in _KEYS:
        if abs(len(key) - len(word)) <= 2 and key[0] == word[0]:
            alike = SequenceMatcher(None, key, word).ratio()
            if alike > share:
                best, share = key, alike
    return best


def _with_digits(words: list[str]) -> Iterator[str]:
    """Number words as digits: `twenty five` and `twenty-five` are 25."""
    pending: int | None = None
    for word in (piece for whole in words for piece in _split(whole)):
        value = _NUMBERS.get(word)
        if value is None:
            if pending is not None:
                yield str(pending)
                pending = None
            yield word
        elif pending is not None and pending >= 20 and pending % 10 == 0 and 0 < value < 10:
            yield str(pending + value)
            pending = None
        else:
            if pending is not None:
                yield str(pending)
            pending = value
    if pending is not None:
        yield str(pending)


def _split(word: str) -> list[str]:
    pieces = word.split("-")
    return pieces if all(piece in _NUMBERS for piece in pieces) else [word]


def in_words(number: float) -> str:
    """A number as it is spoken: words up to a hundred, digits beyond."""
    if number != int(number) or not 0 <= number < 100:
        return f"{number:g}"
    value = int(number)
    if value < 20:
        return _UNITS[value]
    tens, unit = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_UNITS[unit]}" if unit else "")
