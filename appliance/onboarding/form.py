"""Reads what a browser sent, and checks it. Pure; whatever was sent, it raises only FormError."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from appliance.firstboot import values
from appliance.firstboot.steps import SettingError
from appliance.firstboot.wifi import check_password
from appliance.onboarding.model import Choice, Network, Security

OTHER: Final = "other"  # the value of "a network that is not in the list"
MOST_FIELDS: Final = 10  # the page has six
TYPE: Final = "application/x-www-form-urlencoded"


class FormError(ValueError):
    """This was not sent by our page."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The fields as they were sent. `network`: the name in hexadecimal digits, or OTHER."""

    token: str = field(default="", repr=False)
    network: str = ""
    name: str = ""
    password: str = field(default="", repr=False)
    country: str = ""
    api_key: str = field(default="", repr=False)


def read(body: bytes) -> Filled:
    """Return the fields of a body; those that are missing are empty, unknown ones are left out."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", encoding="utf-8",
            max_num_fields=MOST_FIELDS,
        )  # fmt: skip
    except ValueError as error:
        raise FormError from error
    if len({name for name, _ in pairs}) < len(pairs):
        raise FormError  # of two of a name, which would count?
    names = set(Filled.__dataclass_fields__)
    return Filled(**{name: value for name, value in pairs if name in names})


def check(
    filled: Filled, networks: Iterable[Network], countries: Collection[str]
) -> Choice | Mapping[str, str]:
    """Return the choice, or for each field that is wrong its name and a sentence or two."""
    wrong = dict[str, str]()
    ssid, security = _network(filled, networks, wrong)
    if "network" not in wrong and (words := _password_trouble(filled.password, security)):
        wrong["password"] = words
    if filled.country and filled.country not in countries:
        wrong["country"] = "There is no such country. Choose one of the list."
    api_key = ""
    if filled.api_key.strip():
        try:
            api_key = values.api_key(filled.api_key)
        except SettingError as error:
            wrong["api_key"] = str(error)
    if wrong:
        return wrong
    hidden = filled.network == OTHER
    return Choice(ssid, filled.password, hidden, filled.country, api_key)


def _network(
    filled: Filled, networks: Iterable[Network], wrong: dict[str, str]
) -> tuple[bytes, Security | None]:
    """Return name and lock; None: it is not in the list, so its lock is not known."""
    if filled.network == OTHER:
        ssid = filled.name.encode()
        if not 1 <= len(ssid) <= 32 or not filled.name.isprintable():
            wrong["name"] = (
                "The name of a Wi-Fi network has 1 to 32 letters, digits or signs. "
                "Type it as the router shows it."
            )
        return ssid, None
    for network in networks:
        if network.ssid.hex() == filled.network:
            if network.security is Security.FOREIGN:
                wrong["network"] = (
                    "This network wants a user name, or an encryption that is too old or too new: "
                    "the appliance cannot join it. Choose another one, or plug in a cable."
                )
            return network.ssid, network.security
    wrong["network"] = "Choose your network."
    return b"", None


def _password_trouble(password: str, security: Security | None) -> str:
    """Return what is wrong with it, or nothing."""
    if security is Security.OPEN and password:
        return "This network has no password. If it is the right one, leave the field empty."
    if not password:
        if security is not Security.PERSONAL:
            return ""  # a network that is not in the list may be open
        return "Type the password of your Wi-Fi. It is often on the router's label."
    if not password.isprintable():
        return "It has a character that cannot be seen. Type it anew."
    try:
        check_password(password)
    except SettingError as error:
        return str(error)
    return ""
