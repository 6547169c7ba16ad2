"""Reads settings line by line: a wrong one spoils no other, and editors' habits are forgiven."""

import re
import tomllib
from dataclasses import dataclass
from typing import Final

from appliance.firstboot.letter import BLANK

INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"  # zero-width characters, from web pages
_SPACE: Final = " \t\f\v\u00a0\u2007\u202f" + INVISIBLE
_CURLY: Final = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u2039\u203a\u00ab\u00bb`\u00b4"
_QUOTES: Final = "\"'" + _CURLY
DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # hyphens, dashes, minus

_HEADER: Final = re.compile(r"\[+\s*([^\[\]]*?)\s*\]+\s*(?:#.*)?")
_KEY: Final = re.compile(rf"([^=:#\[\]]+?)[{_SPACE}]*[=:][{_SPACE}]*")
_PROPER: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')


@dataclass(frozen=True, slots=True)
class Statement:
    """One setting as it stands in the file.

    `table`, `key`: lower case, dashes and blanks as underscores. `value`: what TOML makes of it,
    else the plain text. `literal`: as it was typed, without quotes and comment; it stands at
    `start` to `end` of the text. `mended`: what was wrong with the spelling, though it can be read.
    """

    line: int
    table: str
    key: str
    value: object
    literal: str
    start: int
    end: int
    mended: str = ""

    @property
    def blanked(self) -> bool:
        """Whether it is a secret that was used and overwritten."""
        return bool(self.literal) and not self.literal.strip(BLANK)


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A line that cannot be read, with a cause and a cure in one sentence or two."""

    line: int
    words: str


def read_statements(text: str) -> tuple[list[Statement], list[Puzzle]]:
    """Return the settings in `text` in their order, and the lines that are none."""
    return _Reader(text).read()


def spelled(name: str) -> str:
    """Return a key or table as it should be written: `Time-Zone ` is `time_zone`."""
    parts = (part.strip(_SPACE + _QUOTES) for part in name.lower().split("."))
    return ".".join(re.sub(rf"[-{_SPACE}{DASHES}]+", "_", part) for part in parts)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        ends = [found.start() for found in re.finditer(r"\r\n|\n|\r", text)] + [len(text)]
        starts = [0] + [found.end() for found in re.finditer(r"\r\n|\n|\r", text)]
        self._lines = list(zip(starts, ends, strict=True))
        self._table = ""
        self._statements: list[Statement] = []
        self._puzzles: list[Puzzle] = []

    def read(self) -> tuple[list[Statement], list[Puzzle]]:
        index = 0
        while index < len(self._lines):
            index += self._take(index)
        return self._statements, self._puzzles

    def _take(self, index: int) -> int:
        """Read what begins in line `index`; return how many lines it has."""
        start, end = self._lines[index]
        line = self._text[start:end].strip(_SPACE)
        start += self._text[start:end].find(line)
        if not line or line.startswith("#"):
            return 1
        if header := _HEADER.fullmatch(line):
            self._table = spelled(header[1])
            return 1
        if not (found := _KEY.match(line)):
            self._puzzles.append(Puzzle(index + 1, 'It is no setting. Write it as: name = "value"'))
            return 1
        return self._assign(index, found[1], start + found.end(), start + len(line))

    def _assign(self, index: int, name: str, start: int, end: int) -> int:
        *above, key = spelled(name).split(".")
        table = ".".join([*filter(None, [self._table]), *above])
        if self._text.startswith(("[", "{", '"""', "'''"), start):
            for count, (_, last) in enumerate(self._lines[index:], 1):
                value = _toml(self._text[start:last])
                if value is not None:
                    literal = self._text[start:last].strip()
                    self._statements.append(Statement(
                        index + 1, table, key, value, literal, start, start + len(literal),
                    ))  # fmt: skip
                    return count
            words = "It begins with a bracket or three quotes that are closed nowhere. Close them."
            self._puzzles.append(Puzzle(index + 1, words))
            return 1
        self._statements.append(self._single(index + 1, table, key, start, end))
        return 1

    def _single(self, line: int, table: str, key: str, start: int, end: int) -> Statement:
        raw = self._text[start:end]
        value, mended = _toml(raw), ""
        if value is not None and (proper := _PROPER.match(raw)):
            first, last = 1, proper.end() - 1
        elif raw[:1] in _QUOTES and raw:
            first, last, mended = _quoted(raw)
            value = raw[first:last]
        else:
            first, last = 0, len(_bare(raw))
            value = raw[:last] if value is None else value
        return Statement(
            line, table, key, value, raw[first:last], start + first, start + last, mended
        )


def _toml(raw: str) -> object | None:
    try:
        return tomllib.loads(f"v = {raw}")["v"]  # type: ignore[no-any-return]
    except tomllib.TOMLDecodeError:
        return None


def _bare(raw: str) -> str:
    """Return text without quotes, and without a comment after it."""
    return re.split(rf"(?:^|[{_SPACE}])#", raw, maxsplit=1)[0].rstrip(_SPACE)


def _quoted(raw: str) -> tuple[int, int, str]:
    """Return where text in odd quotes begins and ends, and what was odd."""
    for found in re.finditer(f"[{_QUOTES}]", raw[1:]):
        rest = raw[found.end() + 1 :].strip(_SPACE)
        if not rest or rest.startswith("#"):
            last = found.start() + 1
            straight = raw[0] == raw[last] and raw[0] in "\"'"
            return 1, last, "" if straight else 'The quotes were not plain ones (").'
    return 1, len(_bare(raw)), "The closing quote was missing."
