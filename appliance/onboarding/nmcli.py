"""Reads what nmcli and iw print, and writes NetworkManager's profiles. Pure.

nmcli(1): with `--terse` the fields of a line are parted by colons; colons and backslashes inside
a field are escaped with a backslash.
"""

import re
from collections.abc import Iterator
from typing import Final

from appliance.onboarding.model import Network, Security, Sight, Verdict

ADDRESS: Final = "10.42.0.1"  # ours on the access point; NetworkManager's own choice for sharing
POINT: Final = "voice-appliance-setup"
TRIAL: Final = "voice-appliance-trial"

DEVICES: Final = ("nmcli", "-t", "-f", "DEVICE,TYPE,STATE,CONNECTION", "device", "status")
PROFILES: Final = ("nmcli", "-t", "-f", "NAME,TYPE,AUTOCONNECT", "connection", "show")
# SSID-HEX: a name is any 32 bytes, in hexadecimal digits nothing of it is special.
SCAN: Final = ("nmcli", "-t", "-f", "SSID-HEX,SIGNAL,SECURITY", "device", "wifi", "list",
               "--rescan", "yes", "ifname")  # fmt: skip

MOST_NETWORKS: Final = 40  # on the page; a block of flats has more, the weak ones are of no use
_WIRED: Final = {"ethernet", "gsm"}
_CHANNEL: Final = 6  # 2.4 GHz: allowed in every country, and heard by every phone

# Texts of libnm for NMDeviceStateReason (nmcli prints them after "Connection activation failed:",
# some versions with the number before), in the order in which they are looked for.
_REASONS: Final = (
    ("secrets were required", Verdict.PASSWORD),
    ("could not be found", Verdict.ABSENT),
    ("ip configuration could not be reserved", Verdict.ADDRESS),
    ("ip config", Verdict.ADDRESS),
    ("dhcp", Verdict.ADDRESS),
    ("took too long", Verdict.REFUSED),
    ("supplicant", Verdict.REFUSED),
    ("association", Verdict.REFUSED),
    ("timeout", Verdict.SLOW),
)


def rows(text: str) -> Iterator[list[str]]:
    """Yield the fields of each line of terse output."""
    for line in text.split("\n"):  # a name may have what else parts lines, such as U+2028
        if line:
            parted = re.sub(
                r"\\.|:", lambda found: found[0].replace(":", "\n", found[0] == ":"), line
            )
            yield [re.sub(r"\\(.)", r"\1", field) for field in parted.split("\n")]


def wifi_device(devices: str) -> str:
    """Return the name of the first Wi-Fi device that NetworkManager manages, or nothing."""
    for name, kind, state, *_ in (row for row in rows(devices) if len(row) >= 3):
        if kind == "wifi" and state != "unmanaged":
            return name
    return ""


def available(devices: str, device: str) -> bool:
    """Return whether a device can be used: not so while its radio is blocked, or just waking."""
    return any(row[0] == device and row[2] != "unavailable" for row in rows(devices) if row[2:])


def sight(devices: str, profiles: str) -> Sight:
    """Return how the machine is connected."""
    found = [row[1:] for row in rows(devices) if len(row) == 4 and row[1] in {*_WIRED, "wifi"}]
    point = ["wifi", "connected", POINT] in found
    others = [(kind, state) for kind, state, profile in found if profile != POINT]
    # `connected (externally)`: not by NetworkManager, such as in the initramfs of a netboot.
    online = any(state.startswith("connected") for _, state in others)
    joining = any(kind == "wifi" and state.startswith("connecting") for kind, state in others)
    known = any(
        row[1:] == ["802-11-wireless", "yes"] and row[0] not in {POINT, TRIAL}
        for row in rows(profiles)
    )
    return Sight(bool(wifi_device(devices)), online, known, joining, point)


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a scan, each name once, the strongest first.

    A name that is heard with a password and without is taken for one with a password: who makes
    an open network of the same name gets nobody's.
    """
    best = dict[bytes, Network]()
    for row in rows(text):
        if len(row) != 3 or not re.fullmatch("(?:[0-9A-Fa-f]{2}){1,32}", row[0]):
            continue  # hidden, or nonsense
        ssid = bytes.fromhex(row[0])
        if not ssid.strip(b"\0"):
            continue
        found = Network(ssid, int(row[1]) if row[1].isdecimal() else 0, security(row[2]))
        best[ssid] = _stronger(best[ssid], found) if ssid in best else found
    ordered = sorted(best.values(), key=lambda network: (-network.signal, network.ssid))
    return tuple(ordered[:MOST_NETWORKS])


def security(text: str) -> Security:
    """Return what nmcli's SECURITY means, such as `WPA1 WPA2`, `WPA2 802.1X`, `WEP`, or nothing."""
    words = set(text.replace("--", "").split())
    if words & {"WPA1", "WPA2", "WPA3"} and "802.1X" not in words:
        return Security.PERSONAL
    if not words or words == {"OWE-TM"}:  # OWE alone lets nobody in without encryption
        return Security.OPEN
    return Security.FOREIGN


def verdict(code: int, text: str) -> Verdict:
    """Return what came of `nmcli connection up`. `text`: all it said.

    nmcli(1), EXIT STATUS: 0 success, 3 the time was over.
    """
    if code == 0:
        return Verdict.JOINED
    # Warnings stand above it; the last line may be a hint.
    said = [line for line in text.lower().splitlines() if line.startswith("error:")]
    for words, meaning in _REASONS:
        if words in " ".join(said):
            return meaning
    return Verdict.SLOW if code in {3, 124} else Verdict.FAILED


def stations(text: str) -> int:
    """Return how many are on our network, of `iw dev DEVICE station dump`."""
    return len(re.findall(r"^Station ", text, re.MULTILINE))


def point_profile(device: str, name: str, password: str) -> str:
    """Return the profile of the access point. It is never started by itself.

    `pmf=1`: no protected management frames, which the Pi's radio cannot do as an access point
    (raspberrypi/linux, issue 3619). `rsn` with `ccmp`: WPA2 alone, as nmcli's own hotspot; without
    these wpa_supplicant (config_ssid.h) offers WPA and TKIP too. `shared`: with a dnsmasq for it.
    """
    ssid = "".join(f"{octet};" for octet in name.encode())
    return "\n".join([
        "[connection]", f"id={POINT}", "type=wifi", f"interface-name={device}", "autoconnect=false",
        "", "[wifi]", "mode=ap", f"ssid={ssid}", "band=bg", f"channel={_CHANNEL}",
        "", "[wifi-security]", "key-mgmt=wpa-psk", f"psk={password}", "pmf=1",
        "proto=rsn;", "pairwise=ccmp;", "group=ccmp;",
        "", "[ipv4]", "method=shared", f"address1={ADDRESS}/24", "", "[ipv6]", "method=ignore", "",
    ])  # fmt: skip


def _stronger(one: Network, other: Network) -> Network:
    kinds = {one.security, other.security}
    locked = next(kind for kind in (Security.PERSONAL, Security.FOREIGN, Security.OPEN)
                  if kind in kinds)  # fmt: skip
    return Network(one.ssid, max(one.signal, other.signal), locked)
