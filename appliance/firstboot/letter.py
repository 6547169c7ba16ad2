"""A text file as editors leave it: which encoding it has, and how to blank parts of it in place."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# Windows' Notepad says "Unicode" for UTF-16 with a mark, "ANSI" for the code page of the country.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FOREIGN: Final = (
    (b"{\\rtf", "It is a rich text document."),
    (b"PK\x03\x04", "It is a document of a word processor."),
    (b"<!DOCTYPE", "It is a web page."),
    (b"<html", "It is a web page."),
)
LARGEST: Final = 64 * 1024  # bytes; a letter of a few lines

BLANK: Final = "*"


class UnreadableError(ValueError):
    """The file is no text that could be read. The message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One file: its name on the card and its text, which encodes to the very bytes it had."""

    name: str
    mark: bytes
    encoding: str
    text: str

    def blanked(self, spans: Iterable[tuple[int, int]]) -> bytes:
        """Return the file's bytes, of the same length, with asterisks for the text of `spans`."""
        pieces, done = [], 0
        for start, end in sorted(spans):
            pieces += [self.text[done:start], re.sub(r"[^\r\n]", self._stars, self.text[start:end])]
            done = end
        return self.mark + "".join([*pieces, self.text[done:]]).encode(self.encoding)

    def _stars(self, found: re.Match[str]) -> str:
        unit = len(BLANK.encode(self.encoding))
        return BLANK * (len(found[0].encode(self.encoding)) // unit)


def read_letter(name: str, data: bytes) -> Letter:
    """Return the text of a file. Raises UnreadableError if it is none."""
    for start, what in _FOREIGN:
        if data[:64].lstrip().lower().startswith(start.lower()):
            raise UnreadableError(f"{what} Save it as plain text.")
    if len(data) > LARGEST:
        raise UnreadableError(f"It is larger than {LARGEST // 1024} KiB. Save it as plain text.")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(name, mark, encoding, data[len(mark) :])
    if b"\0" in data:  # an editor that leaves the mark out
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        return _decoded(name, b"", encoding, data)
    try:
        return _decoded(name, b"", "utf-8", data)
    except UnreadableError:
        return _decoded(name, b"", "latin-1" if _unused_in_cp1252(data) else "cp1252", data)


def _decoded(name: str, mark: bytes, encoding: str, data: bytes) -> Letter:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError("It is damaged. Save it as plain text (UTF-8).") from error
    if "\0" in text:
        raise UnreadableError("It is no text. Save it as plain text (UTF-8).")
    return Letter(name, mark, encoding, text)


def _unused_in_cp1252(data: bytes) -> bool:
    return any(byte in {0x81, 0x8D, 0x8F, 0x90, 0x9D} for byte in data)
