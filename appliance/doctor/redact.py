"""Takes out of a text what others should not know of a person, their home and their network. Pure.

What is taken out leaves a mark, and the same thing always the same one: `ip-1` is one machine.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

GENERIC: Final = frozenset({"localhost", "raspberrypi", "voice-appliance", "root"})
PUBLIC: Final = frozenset({"api.openai.com", "appliance", "localhost"})  # hosts that tell nothing

_KEY: Final = re.compile(r"\b(?:sk|ek)[-_][A-Za-z0-9_\-]{4,}|(?<=Bearer )\S+")
_SECRET: Final = re.compile(
    r"(?i)(?<![^\W_])((?:psk|pass(?:word|phrase)?|secret|token|api[-_]key))(\"?\s*[=:]\s*)(?!\s)"
    r"(\"[^\"\n]*\"|'[^'\n]*'|\S+)"
)
_MAIL: Final = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_USER: Final = re.compile(r"(?<=://)[^/\s@\"]+@")
_HOST: Final = re.compile(r"(?<=://)(\[[0-9A-Fa-f:.]+\]|[\w.\-]+)")
_MAC: Final = re.compile(r"\b[0-9A-Fa-f]{2}(?:([:\-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}\b")
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d|-\d)")
_IPV6: Final = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:%\w+)?(?![\w:])")
_ID: Final = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b")
_HOME: Final = re.compile(r"(?<=/home/)[^/\s\"':]+")


class Redactor:
    """Takes things out, and remembers how it called them. Used for all texts of one bundle."""

    def __init__(self, names: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
        """`names`: of this machine and its people; `secrets`: known texts, gone wherever they are.

        Names are taken out as whole words, whatever their case.
        """
        self._secrets = sorted((text for text in secrets if text), key=len, reverse=True)
        wanted = sorted(
            {name.casefold() for name in names if len(name) > 1} - GENERIC, key=len, reverse=True
        )
        words = "|".join(map(re.escape, wanted))
        self._names = re.compile(rf"(?i)(?<![\w]){'(?:' + words + ')'}(?![\w])") if words else None
        self._marks: dict[tuple[str, str], str] = {}

    def text(self, text: str) -> str:
        """Return `text` without what is private."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _KEY.sub("***", text)
        text = _SECRET.sub(r"\1\2***", text)
        text = _USER.sub("", text)
        text = _MAIL.sub(lambda match: self._mark("mail", match[0]), text)
        text = _HOST.sub(self._host, text)
        text = _MAC.sub(lambda match: self._mark("mac", match[0]), text)
        text = _IPV4.sub(self._address, text)
        text = _IPV6.sub(self._address, text)
        text = _ID.sub(lambda match: self._mark("id", match[0]), text)
        text = _HOME.sub("user", text)
        return self._names.sub("name", text) if self._names is not None else text

    def _host(self, match: re.Match[str]) -> str:
        host = match[0]
        if host.casefold() in PUBLIC:
            return host
        bare = host.strip("[]")
        try:
            told = self._told(bare)
        except ValueError:
            return self._mark("host", bare)
        return host if told == bare else told

    def _address(self, match: re.Match[str]) -> str:
        try:
            return self._told(match[0])
        except ValueError:  # a time of day, a version
            return match[0]

    def _told(self, text: str) -> str:
        """Return the mark of an address, or itself if it tells nothing. Raises ValueError."""
        address = ipaddress.ip_address(text.partition("%")[0])
        quiet = address.is_loopback or address.is_unspecified
        return text if quiet else self._mark("ip", str(address))

    def _mark(self, kind: str, what: str) -> str:
        key = kind, what.casefold()
        if key not in self._marks:
            number = 1 + sum(known == kind for known, _ in self._marks)
            self._marks[key] = f"{kind}-{number}"
        return self._marks[key]
