"""What is to be done, as data: steps, each of which stands or falls alone."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A whole file, replaced at once. `path` is absolute on the device."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link, replaced at once."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command. One that is not `needed` may be missing or fail.

    `unless`: a command whose success says that there is nothing to do.
    """

    argv: tuple[str, ...]
    needed: bool = False
    unless: tuple[str, ...] = ()


Action: TypeAlias = WriteFile | Link | Run


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a person asked for. `told`: it, in words, when it is done."""

    name: str
    told: str
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()  # names of settings whose text is overwritten afterwards


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not applied, with cause and cure. `line` 0: no line of its own."""

    line: int
    name: str
    words: str
    file: str = ""


class SettingError(ValueError):
    """A value is wrong. The message names cause and cure; secrets are not in it."""

    def __init__(self, words: str, name: str = "") -> None:
        """`name`: the setting that is wrong, if it is not the one that was asked about."""
        super().__init__(words)
        self.name = name


@dataclass(frozen=True, slots=True)
class Facts:
    """What the device is like before anything is applied."""

    zones: frozenset[str] = frozenset()
    countries: dict[str, str] = field(default_factory=dict)  # code: English name
    host: str = ""
    own_host: str = "voice"  # the name this very device gets if nobody chooses one
    hosts: str = ""  # /etc/hosts
    wifi: str = ""  # the profile that was written last time
    has_key: bool = False
