"""Decides what a response says and which tools it calls - pure rules, no language model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.emulator import tool_use
from appliance.emulator.items import Item
from appliance.emulator.reply import Plan, ToolUse
from appliance.emulator.rules import Wish, in_words, wishes
from appliance.emulator.wire import Json

GREETING: Final = "Hello! I am the offline voice of this appliance. How can I help you?"
_AGAIN: Final = "There is nothing new to answer."
_NOT_CAUGHT: Final = "I heard a sound, but I did not catch any words."
_JOKE: Final = (
    "Why did the button break up with the lamp? It was tired of being pushed around, "
    "and the lamp never saw it coming."
)
_LONGEST_ECHO: Final = 160  # characters of what was heard that are said back
_LONGEST_COUNT: Final = 100
_EXACTLY: Final = re.compile(
    r"\bsay (?:exactly|only|just|the words?)\b:?\s*[\"'“]?(.+?)[\"'”]?$", re.IGNORECASE
)
# Said on the way to a tool that takes its time.
_COMMENTARY: Final = {
    "delayed_add": "Let me add that up.",
    "take_photo": "Let me have a look.",
}


@dataclass(frozen=True, slots=True)
class Means:
    """What an answer can use: tools, tools that must be used, and the instructions for it."""

    tools: Sequence[Json] = ()
    must_call: bool = False
    instructions: str = ""


def plan(items: Sequence[Item], earlier: Sequence[Item], means: Means) -> Plan:
    """What to do about these items, the ones since the last answer.

    Args:
        items: the news, in conversation order.
        earlier: the items before them.
        means: tools and instructions.
    """
    exactly = _EXACTLY.search(means.instructions)
    if exactly:
        return Plan(exactly.group(1))
    outputs = [item for item in items if item.wire["type"] == "function_call_output"]
    pictures = [text for item in items for text in item.seen]
    asked = _asked(items)
    sentences = [*_reports(outputs, (*earlier, *items), bool(pictures)), *pictures]
    if asked:
        answer = _answer(asked, means, _last_picture(earlier), looked=bool(pictures))
        sentences, calls = [*sentences, answer.say], answer.calls
    else:
        calls = ()
    if means.must_call and not calls and not outputs and means.tools:
        text = " ".join(item.words for item in asked)
        calls = (tool_use.use(means.tools[0], None, text),)
    say = " ".join(sentence for sentence in sentences if sentence)
    if not say and not calls:
        say = _deaf(items) or (_AGAIN if _spoke(earlier) else GREETING)
    return Plan(say, calls)


def _asked(items: Sequence[Item]) -> list[Item]:
    """The user's messages that no call was made for yet."""
    calls = [n for n, item in enumerate(items) if item.wire["type"] == "function_call"]
    rest = items[calls[-1] + 1 :] if calls else items
    return [item for item in rest if item.wire.get("role") == "user"]


def _answer(asked: Sequence[Item], means: Means, picture: str, *, looked: bool) -> Plan:
    text = " ".join(item.words for item in asked if item.words).strip()
    deaf = _deaf(asked)
    if not text:
        return Plan(deaf or ("" if looked else _NOT_CAUGHT))
    # Two messages may be one sentence with a pause in it, so they are read as one.
    found = wishes(text)
    if looked:
        found = [wish for wish in found if wish.kind != "photo"]
    tool = None if found else tool_use.about(means.tools, text)
    if tool is not None:
        return Plan("", (tool_use.use(tool, None, text),))
    if not found:
        return Plan(deaf if looked else f"{deaf} {_honest(text)}".strip())
    parts = [_grant(wish, means.tools, text, picture) for wish in found]
    say = " ".join(part.say for part in parts if part.say)
    return Plan(f"{deaf} {say}".strip(), tuple(call for part in parts for call in part.calls))


def _grant(wish: Wish, tools: Sequence[Json], text: str, picture: str) -> Plan:
    name = {
        "add": "delayed_add",
        "upper": "echo_upper",
        "time": "current_time",
        "status": "device_status",
        "photo": "take_photo",
        "goodbye": "end_call",
    }.get(wish.kind)
    tool = tool_use.named(tools, name) if name else None
    if tool is None and name and wish.kind != "goodbye":
        tool = tool_use.about(tools, text)
    if tool is not None:
        call: ToolUse = tool_use.use(tool, wish, text)
        return Plan(_COMMENTARY.get(tool["name"], ""), (call,))
    return Plan(_say(wish, picture))


def _say(wish: Wish, picture: str) -> str:
    match wish.kind:
        case "hello":
            return GREETING
        case "add":
            a, b = wish.numbers
            return _sum(a, b, a + b)
        case "upper":
            return f"In upper case that is {wish.text.upper()}."
        case "time":
            return "I have no clock here, so I cannot tell you the time."
        case "status":
            return "I am well, but nothing here tells me the state of the device."
        case "photo":
            return picture or "I have no camera here. Send me a picture and I will look at it."
        case "joke":
            return _JOKE
        case "count":
            return _count(wish.numbers)
        case "stop":
            return "All right."
        case "goodbye":
            return "Goodbye!"
        case "thanks":
            return "You are welcome."
        case "who":
            return "I am an emulator of the Realtime service, and I follow a few simple rules."
        case "repeat":
            return f"{wish.text[:1].upper()}{wish.text[1:]}."


def _count(numbers: tuple[int, ...]) -> str:
    first, last = numbers if len(numbers) == 2 else (1, numbers[0])
    step = 1 if last >= first else -1
    last = first + step * min(abs(last - first), _LONGEST_COUNT - 1)
    return " ".join(f"{in_words(n).capitalize()}." for n in range(first, last + step, step))


def _reports(outputs: Sequence[Item], known: Sequence[Item], has_picture: bool) -> list[str]:
    calls = {
        item.wire["call_id"]: item.wire for item in known if item.wire["type"] == "function_call"
    }
    return [
        _report(calls.get(item.wire["call_id"], {}), item.wire["output"], has_picture)
        for item in outputs
    ]


def _report(call: Json, output: str, has_picture: bool) -> str:
    name = str(call.get("name", "tool"))
    value, error = tool_use.outcome(output)
    title = tool_use.title(name)
    if error is not None:
        return f"The {title} tool failed: {error.rstrip('.')}."
    said = tool_use.spoken(value).rstrip(".")
    match name:
        case "delayed_add":
            arguments, _ = tool_use.outcome(str(call.get("arguments", "")))
            numbers = [n for n in _values(arguments) if isinstance(n, int | float)]
            if len(numbers) >= 2 and isinstance(value, int | float):
                return _sum(numbers[0], numbers[1], value)
            return f"The answer is {said}."
        case "echo_upper":
            return f"In upper case that is {said}."
        case "current_time":
            return _clock(value) or f"It is {said}."
        case "device_status":
            return f"The device reports {tool_use.summary(value)}."
        case "take_photo":
            return "" if has_picture else "The photo is taken, but it has not arrived here yet."
        case "end_call":
            return "Goodbye!"
        case _:
            return f"{said[:1].upper()}{said[1:]}." if said else "It is done."


def _clock(value: object) -> str:
    """The time out of `{"time": "2026-11-23T14:05:00+01:00", "weekday": "Monday"}`."""
    facts = value if isinstance(value, dict) else {"time": value}
    match = re.search(r"T(\d\d):(\d\d)", str(facts.get("time", "")))
    if match is None:
        return ""
    day = f" on {facts['weekday']}" if facts.get("weekday") else ""
    return f"It is {match.group(1)}:{match.group(2)}{day}."


def _values(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else []


def _sum(a: float, b: float, result: float) -> str:
    return f"{in_words(a).capitalize()} plus {in_words(b)} is {in_words(result)}."


def _honest(text: str) -> str:
    heard = text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO].rsplit(' ', 1)[0]} ..."
    return f"I heard: {heard.rstrip('.!? ')}. I am the offline demo and have no answer to that."


def _deaf(items: Sequence[Item]) -> str:
    return next((item.deaf for item in items if item.deaf), "")


def _last_picture(items: Sequence[Item]) -> str:
    return next((text for item in reversed(items) for text in reversed(item.seen)), "")


def _spoke(items: Sequence[Item]) -> bool:
    return any(item.wire.get("role") == "assistant" for item in items)
