"""The Wi-Fi network as a NetworkManager profile."""

import re
from collections.abc import Mapping
from typing import Final

from appliance.firstboot.steps import Facts, Run, SettingError, Step, WriteFile

PROFILE: Final = "/etc/NetworkManager/system-connections/voice-appliance.nmconnection"
REGULATION: Final = "/etc/modprobe.d/voice-appliance-wifi.conf"
_OFTEN_MEANT: Final = {"UK": "GB", "EN": "GB", "EL": "GR"}


def wifi_step(texts: Mapping[str, str], hidden: bool, used: bool, facts: Facts) -> Step:
    """Return the step for `ssid` with `password` and, if known, `country` (already checked).

    `used`: the password was applied and overwritten before; then the profile's own is kept.
    Raises SettingError.
    """
    ssid, notes = texts["ssid"], list[str]()
    name = _name(ssid)
    if used:
        security = _kept(ssid, facts.wifi)
    elif password := texts.get("password", ""):
        security = _security(password)
        if not password.isascii():
            notes.append(
                "The Wi-Fi password has a character that is no plain letter, digit or sign. If the "
                "network refuses it, see whether the editor changed a quote or a dash."
            )
    else:
        security = ""
        notes.append("The Wi-Fi network is used without a password, as an open one.")
    if not texts.get("country"):
        notes.append('No country is given: some channels stay unused. Write country = "DE".')
    text = client_profile("voice-appliance", name, security, hidden)
    told = f'Wi-Fi network "{ssid}"' + (" (hidden)" if hidden else "")
    unblock = Run(("rfkill", "unblock", "wlan"))
    profile = WriteFile(PROFILE, text, 0o600)
    return Step("Wi-Fi", told, (profile, unblock), tuple(notes), ("password",))


def client_profile(name: str, ssid: str, security: str, hidden: bool, *more: str) -> str:
    """Return a profile for joining a network. `ssid` and `security`: as the functions below.

    `more`: lines for its section `connection`.
    """
    lines = [
        "[connection]", f"id={name}", "type=wifi", "autoconnect-retries=0", *more, "",  # for ever
        "[wifi]", "mode=infrastructure", f"ssid={ssid}", *(["hidden=true"] if hidden else []), "",
        *([security, ""] if security else []),
        "[ipv4]", "method=auto", "", "[ipv6]", "method=auto", "",
    ]  # fmt: skip
    return "\n".join(lines)


def ssid_value(ssid: bytes) -> str:
    """Return a name as a profile has it: the numbers of its bytes, so that none is special."""
    return "".join(f"{octet};" for octet in ssid)


def security_section(password: str) -> str:
    """Return the section for WPA2 and WPA3; NetworkManager's `wpa-psk` takes what there is.

    GLib's key files: a backslash escapes, blanks at the beginning would be lost.
    """
    escaped = password.replace("\\", "\\\\")
    blanks = len(escaped) - len(escaped.lstrip(" "))
    kept = "\\s" * blanks + escaped.lstrip(" ")
    return f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={kept}"


def check_password(password: str) -> None:
    """Raise SettingError if no Wi-Fi can have this password.

    8 to 63 characters, or 64 hexadecimal digits: IEEE 802.11, and NetworkManager's property psk.
    """
    length = len(password.encode())
    if not 8 <= length <= 63 and not re.fullmatch("[0-9A-Fa-f]{64}", password):
        raise SettingError(
            f"A Wi-Fi password has 8 to 63 characters, this one has {length}. "
            "Look at the router's label, and type it anew.",
            "password",
        )


def country_step(code: str, facts: Facts) -> Step:
    """Return the step that tells the radio where it is: which channels are allowed.

    As an option of the module it holds from the next boot on; `iw` sets it for this one.
    """
    told = f"Wi-Fi country {code} ({facts.countries.get(code, code)})"
    option = WriteFile(REGULATION, f"options cfg80211 ieee80211_regdom={code}\n")
    return Step("country", told, (option, Run(("iw", "reg", "set", code))))


def checked_country(text: str, facts: Facts) -> str:
    """Return the two letters of a country given by them or by its English name."""
    code = _OFTEN_MEANT.get(text.strip().upper(), text.strip().upper())
    names = {name.upper(): each for each, name in facts.countries.items()}
    if code in facts.countries:
        return code
    if code in names:
        return names[code]
    raise SettingError(
        f'There is no country "{text}". Write its two letters, such as country = "DE".'
    )


def _name(ssid: str) -> str:
    """Return the name as the profile has it. Raises SettingError."""
    octets = ssid.encode()
    if len(octets) > 32:
        raise SettingError(
            f"The name of a Wi-Fi network has at most 32 bytes, this one has {len(octets)}. "
            "Write it as the router shows it."
        )
    if not ssid.isprintable():
        raise SettingError(
            "The name of the Wi-Fi network has a character that cannot be seen. Type it anew; "
            "one with a backslash goes into single quotes: 'like\\this'."
        )
    return ssid_value(octets)


def _security(password: str) -> str:
    """Return the section of a password that can be one. Raises SettingError."""
    if not password.isprintable():
        raise SettingError(
            "The password has a character that cannot be seen. Type it anew; "
            "one with a backslash goes into single quotes: 'like\\this'.",
            "password",
        )
    check_password(password)
    return security_section(password)


def _kept(ssid: str, profile: str) -> str:
    found = re.search(r"^\[wifi-security\]\n(?:.+\n)+", profile, re.MULTILINE)
    if found and f"\nssid={_name(ssid)}\n" in profile:
        return found[0].rstrip("\n")
    raise SettingError(
        "The password was overwritten after its use, and it belonged to another network. "
        "Write the password of this one.",
        "password",
    )
