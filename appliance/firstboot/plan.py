"""Decides what to do about the settings of a letter. Pure: the device is known by its `Facts`."""

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.config import check
from appliance.errors import ConfigError
from appliance.firstboot import values
from appliance.firstboot.statements import DASHES, Statement
from appliance.firstboot.steps import Facts, Link, Problem, Run, SettingError, Step, WriteFile
from appliance.firstboot.wifi import checked_country, country_step, wifi_step

KEY_FILE: Final = "/etc/voice-appliance/openai_api_key"
SETTINGS: Final = "/etc/voice-appliance/config.d/10-first-boot.toml"
PLACEHOLDER: Final = "voice"  # the host name of the image, before it has its own
HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"  # the one kind: others take a board minutes
USER: Final = "owner"  # who may log in, once there is a key; Debian has a group "voice"
SECRETS: Final = ("password", "api_key")

# Other words that people use, without underscores.
_NAMES: Final = {
    "hostname": "hostname", "host": "hostname", "timezone": "timezone", "sshkey": "ssh_key",
    "sshauthorizedkey": "ssh_key", "authorizedkey": "ssh_key", "sshkeys": "ssh_key",
    "apikey": "api_key", "openaiapikey": "api_key", "ssid": "ssid", "password": "password",
    "psk": "password", "passphrase": "password", "country": "country", "wificountry": "country",
    "wifissid": "ssid", "wifipassword": "password", "hidden": "hidden",
}  # fmt: skip
_WIFI: Final = ("ssid", "password", "country", "hidden")
_ORDER: Final = ("hostname", "timezone", *_WIFI, "ssh_key", "api_key")


@dataclass(slots=True)
class Plan:
    """What will be done, what was wrong, and what was read although it was misspelled."""

    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Given:
    """A setting of ours, with the file it stands in."""

    name: str
    file: str
    statement: Statement

    @property
    def text(self) -> str:
        """What was meant as text: `12345678` without quotes is no number."""
        value = self.statement.value
        return value if isinstance(value, str) else self.statement.literal


def name_of(statement: Statement) -> str:
    """Return our own name for a setting, or empty: then it belongs to the configuration.

    The table does not matter: whoever writes `api_key` below `[wifi]` still means the key.
    """
    return _NAMES.get(statement.key.replace("_", ""), "")


def make_plan(given: Iterable[tuple[str, Statement]], facts: Facts) -> Plan:
    """Return the plan for statements with the names of their files; of two the later one counts."""
    return _Planner(given, facts).plan()


class _Planner:
    def __init__(self, given: Iterable[tuple[str, Statement]], facts: Facts) -> None:
        self._facts = facts
        self._plan = Plan()
        self._ours: dict[str, Given] = {}
        self._settings: dict[str, Any] = {}
        for file, statement in given:
            if not statement.literal:
                continue  # left empty, as in the sample
            if statement.mended:
                self._note(statement.line, statement.key, statement.mended)
            if name := name_of(statement):
                self._take(Given(name, file, statement))
            else:
                self._setting(file, statement)

    def plan(self) -> Plan:
        for part in (self._host, self._zone, self._country, self._wifi, self._ssh, self._key):
            part()
        if self._settings:
            lines = [f"{key} = {_toml(value)}\n" for key, value in self._settings.items()]
            told = f"settings: {', '.join(self._settings)}"
            text = "# From voice-appliance.toml of the boot partition.\n" + "".join(lines)
            self._plan.steps.append(Step("settings", told, (WriteFile(SETTINGS, text),)))
        return self._plan

    def _take(self, given: Given) -> None:
        if before := self._ours.get(given.name):
            self._note(
                given.statement.line, given.name,
                f"It is given twice; this one counts, not that of line {before.statement.line}.",
            )  # fmt: skip
        self._ours[given.name] = given

    def _setting(self, file: str, statement: Statement) -> None:
        key = ".".join(filter(None, (statement.table, statement.key)))
        if "." not in key or statement.table == "wifi":
            words = f"There is no such setting. {_suggestion(statement)}"
            self._plan.problems.append(Problem(statement.line, key, words, file))
            return
        try:
            check(key, statement.value)
        except ConfigError as error:
            self._plan.problems.append(Problem(statement.line, key, str(error), file))
        else:
            self._settings[key] = statement.value

    def _note(self, line: int, name: str, words: str) -> None:
        self._plan.notes.append(f"Line {line}, {name}: {words}")

    def _wrong(self, name: str, words: str) -> None:
        given = self._ours.get(name)
        line, file = (given.statement.line, given.file) if given else (0, "")
        self._plan.problems.append(Problem(line, name, words, file))

    def _attempt(self, name: str, make: Callable[[str], Step]) -> None:
        """Add the step that `make` makes of a setting, if it is given and right."""
        if (given := self._ours.get(name)) is None:
            return
        try:
            self._plan.steps.append(make(given.text))
        except SettingError as error:
            self._wrong(name, str(error))

    def _host(self) -> None:
        self._attempt("hostname", lambda text: self._host_step(values.host_name(text)))
        named = any(step.name == "hostname" for step in self._plan.steps)
        if not named and self._facts.host in {"", PLACEHOLDER}:
            self._plan.steps.append(self._host_step(self._facts.own_host))

    def _host_step(self, name: str) -> Step:
        kept = [line for line in self._facts.hosts.splitlines() if not line.startswith("127.0.1.1")]
        hosts = "\n".join([*kept, f"127.0.1.1 {name}", ""])
        return Step("hostname", f"name in the network: {name}.local", (
            WriteFile("/etc/hosts", hosts), WriteFile("/etc/hostname", f"{name}\n"),
            Run(("hostname", name)),
        ))  # fmt: skip

    def _zone(self) -> None:
        def step(text: str) -> Step:
            zone = values.time_zone(text, self._facts.zones)
            link = Link("/etc/localtime", f"/usr/share/zoneinfo/{zone}")
            return Step("timezone", f"time zone {zone}", (
                link, WriteFile("/etc/timezone", f"{zone}\n"),
            ))  # fmt: skip

        self._attempt("timezone", step)

    def _country(self) -> None:
        def step(text: str) -> Step:
            return country_step(checked_country(values.plain(text), self._facts), self._facts)

        self._attempt("country", step)

    def _wifi(self) -> None:
        hidden = False
        try:
            hidden = values.flag(self._ours["hidden"].text if "hidden" in self._ours else "")
        except SettingError as error:
            self._wrong("hidden", str(error))
        if "ssid" not in self._ours:
            if "password" in self._ours and not self._ours["password"].statement.blanked:
                self._wrong(
                    "password", 'The name of the Wi-Fi network is missing. Write ssid = "…".'
                )
            return
        texts = {name: given.text for name, given in self._ours.items()}
        password = self._ours.get("password")
        used = password is not None and password.statement.blanked
        try:
            self._plan.steps.append(wifi_step(texts, hidden, used, self._facts))
        except SettingError as error:
            self._wrong(error.name or "ssid", str(error))

    def _ssh(self) -> None:
        if (given := self._ours.get("ssh_key")) is None or given.statement.blanked:
            return
        value = given.statement.value
        texts = (
            [str(each) for each in value] if isinstance(value, list) else given.text.splitlines()
        )
        try:
            keys = values.ssh_keys([text for text in texts if text.strip()])
        except values.PrivateKeyError as error:
            self._wrong("ssh_key", str(error))
            self._plan.steps.append(Step("", "", secrets=("ssh_key",)))
        except SettingError as error:
            self._wrong("ssh_key", str(error))
        else:
            self._plan.steps.append(ssh_step(keys))

    def _key(self) -> None:
        if (given := self._ours.get("api_key")) is None:
            return
        if given.statement.blanked:
            if self._facts.has_key:
                self._plan.steps.append(Step("API key", "API key (the one given before)"))
            else:
                self._wrong("api_key", "It was overwritten, and there is none. Write it anew.")
            return

        def step(text: str) -> Step:
            key = WriteFile(KEY_FILE, values.api_key(text) + "\n", 0o600)
            return Step("API key", "API key", (key,), secrets=("api_key",))

        if set(given.text) & set(DASHES):
            self._note(given.statement.line, "api_key", (
                "The editor had made long dashes of hyphens. If the key is refused, paste it anew."
            ))  # fmt: skip
        self._attempt("api_key", step)


def ssh_step(keys: tuple[str, ...]) -> Step:
    """Return the step that lets the owners of `keys` log in, and nobody by password.

    The user has no password that could be asked for, so `sudo` asks for none.
    """
    lines = "".join(f"{key}\n" for key in keys)
    rules = (
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin no\n"
        f"AllowUsers {USER}\n"
        "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\n"
    )
    many = f" ({len(keys)} keys)" if len(keys) > 1 else ""
    return Step("ssh", f"ssh with your key{many}, as user {USER}", (
        Run(
            ("useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", USER),
            needed=True, unless=("getent", "passwd", USER),
        ),
        Run(("usermod", "--append", "--groups", "voice-appliance", USER)),
        WriteFile(f"/etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440),
        WriteFile(f"/etc/ssh/authorized_keys.d/{USER}", lines),
        WriteFile("/etc/ssh/sshd_config.d/10-voice-appliance.conf", rules),
        *_host_key(),
        WriteFile("/etc/nftables.d/ssh.nft", "add element inet voice tcp_open { 22 }\n"),
        Run(("nft", "-f", "/etc/nftables.d/ssh.nft")),
        Run(("systemctl", "enable", "ssh.service"), needed=True),
        Run(("systemctl", "--no-block", "reload-or-restart", "ssh.service")),
    ))  # fmt: skip


def _host_key() -> tuple[Run, ...]:
    """Return how the host gets its key, whole: a power cut may have left an empty one."""
    public = f"{HOST_KEY}.pub"
    make = f"rm -f {HOST_KEY} {public} && ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}"
    return (
        Run(("sh", "-c", make), needed=True, unless=("test", "-s", public)),
        Run(("sync", HOST_KEY, public)),
    )


def _suggestion(statement: Statement) -> str:
    names = _WIFI if statement.table == "wifi" else _ORDER
    near = difflib.get_close_matches(statement.key, names, n=2)  # `key` is as near to two
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if names is _WIFI:
        return f"Of a Wi-Fi can be set: {', '.join(names)}."
    return f"These can be set: {', '.join(names)}, and tables of the configuration ([audio], …)."


def _toml(value: object) -> str:
    """Return a value of the configuration as TOML: its strings are those of JSON, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
