"""The words of setting up: networks, what a person chose, what came of trying it."""

from dataclasses import dataclass, field
from enum import Enum


class Security(Enum):
    """How a network is locked, as far as it matters here."""

    OPEN = "open"
    PERSONAL = "personal"  # one password: WPA, WPA2, WPA3
    FOREIGN = "foreign"  # WEP, OWE, or 802.1X with users: nothing this page could set up


@dataclass(frozen=True, slots=True)
class Network:
    """A network that was heard. `ssid`: 1 to 32 bytes of any kind. `signal`: 0 to 100."""

    ssid: bytes
    signal: int
    security: Security

    @property
    def name(self) -> str:
        """The name for a person; a stranger chose it, so it still has to be escaped."""
        return readable(self.ssid)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person sent. Empty: not given. `country`: two letters, known to the system."""

    ssid: bytes
    password: str = field(default="", repr=False)
    hidden: bool = False
    country: str = ""
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Rescan:
    """A person wants the list of networks anew."""


class Verdict(Enum):
    """What came of trying a network."""

    JOINED = "joined"
    PASSWORD = "wrong password"  # noqa: S105 - a word for the log
    ABSENT = "not found"
    ADDRESS = "no address"
    REFUSED = "refused"
    SLOW = "no answer in time"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page has to tell about the last try."""

    verdict: Verdict
    ssid: bytes


@dataclass(frozen=True, slots=True)
class Sight:
    """How the machine is connected. Our own access point counts for `point` alone."""

    radio: bool = False  # there is a Wi-Fi device that NetworkManager may use
    online: bool = False  # a cable, or a network, with an address
    known: bool = False  # NetworkManager has a Wi-Fi network to join by itself
    joining: bool = False  # and is about it
    point: bool = False  # our access point is up


def readable(ssid: bytes) -> str:
    """Return a network's name as text; what cannot be seen, or turns text around, is replaced."""
    text = ssid.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
