"""What nmcli prints, as NetworkManager 1.42 and 1.52 do, and what cannot be trusted in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.onboarding import nmcli
from appliance.onboarding.model import Network, Security, Sight, Verdict, readable
from tests.onboarding.world import ERROR, NOT_GIVEN

DEVICES = """\
wlan0:wifi:connected:Home\\: upstairs
lo:loopback:connected (externally):lo
p2p-dev-wlan0:wifi-p2p:disconnected:
eth0:ethernet:unavailable:
"""
PROFILES = """\
Home\\: upstairs:802-11-wireless:yes
lo:loopback:no
Wired connection 1:802-3-ethernet:yes
"""
SCAN = """\
486F6D65:82:WPA2
486F6D65:64:WPA2
436166C3A9:45:
4F6666696365:90:WPA2 802.1X
4F6C64:20:WEP
4E6577:33:WPA3
:99:WPA2
0000:99:WPA2
"""


def test_fields_with_colons_and_backslashes_stay_whole() -> None:
    assert list(nmcli.rows("a\u2028b:c\x85\n")) == [["a\u2028b", "c\x85"]]
    assert list(nmcli.rows("a\\:b:c\\\\:d:\n:\n")) == [["a:b", "c\\", "d", ""], ["", ""]]


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
                         min_size=2), min_size=1))  # fmt: skip
def test_whatever_is_escaped_is_read_as_it_was(table: list[list[str]]) -> None:
    def line(row: list[str]) -> str:
        return ":".join(each.replace("\\", "\\\\").replace(":", "\\:") for each in row)

    assert list(nmcli.rows("\n".join(map(line, table)))) == table


@pytest.mark.parametrize(
    ("devices", "profiles", "expected"),
    [
        (DEVICES, PROFILES, Sight(radio=True, online=True, known=True)),
        ("wlan0:wifi:disconnected:\n", PROFILES, Sight(radio=True, known=True)),
        (
            "wlan0:wifi:connecting (getting IP configuration):Home\n",
            "",
            Sight(radio=True, joining=True),
        ),
        (f"wlan0:wifi:connecting (prepare):{nmcli.POINT}\n", "", Sight(radio=True)),
        ("eth0:ethernet:connecting (prepare):Wired\n", "", Sight()),
        ("wlan0:wifi:unavailable:\n", "", Sight(radio=True)),
        ("wlan0:wifi:unmanaged:\n", "", Sight()),
        ("eth0:ethernet:connected:Wired\n", "", Sight(online=True)),
        ("eth0:ethernet:connected (externally):eth0\n", "", Sight(online=True)),
        ("docker0:bridge:connected (externally):docker0\n", "", Sight()),
        (f"wlan0:wifi:connected:{nmcli.POINT}\n", "", Sight(radio=True, point=True)),
        ("", f"{nmcli.POINT}:802-11-wireless:yes\nOld:802-11-wireless:no\n", Sight()),
        ("nonsense\n::\n", ":\n", Sight()),
    ],
)
def test_how_the_machine_is_connected(devices: str, profiles: str, expected: Sight) -> None:
    assert nmcli.sight(devices, profiles) == expected


def test_a_scan_lists_each_name_once_the_strongest_first() -> None:
    assert nmcli.networks(SCAN) == (
        Network(b"Office", 90, Security.FOREIGN),
        Network(b"Home", 82, Security.PERSONAL),
        Network("Café".encode(), 45, Security.OPEN),
        Network(b"New", 33, Security.PERSONAL),
        Network(b"Old", 20, Security.FOREIGN),
    )


@pytest.mark.parametrize(
    ("said", "security"),
    [("", Security.OPEN), ("--", Security.OPEN), ("OWE-TM", Security.OPEN),
     ("OWE", Security.FOREIGN), ("WEP", Security.FOREIGN), ("WPA2 802.1X", Security.FOREIGN),
     ("WPA1 WPA2", Security.PERSONAL), ("WPA3", Security.PERSONAL)],
)  # fmt: skip
def test_how_a_network_is_locked(said: str, security: Security) -> None:
    """OWE: NetworkManager lets a profile without security join its transition mode alone.

    nm_setting_wireless_ap_security_compatible, in src/libnm-core-impl/nm-setting-wireless.c.
    """
    assert nmcli.security(said) is security


def test_an_open_twin_does_not_make_a_network_open() -> None:
    assert nmcli.networks("486F6D65:30:WPA2\n486F6D65:99:\n") == (
        Network(b"Home", 99, Security.PERSONAL),
    )


def test_a_street_full_of_networks_is_cut_to_the_strongest() -> None:
    many = "".join(f"{number:04X}:{number % 90 + 1}:WPA2\n" for number in range(1, 500))
    found = nmcli.networks(many)
    assert len(found) == nmcli.MOST_NETWORKS
    assert found[0].signal == 90


@given(st.text())
def test_no_output_is_an_exception(text: str) -> None:
    for network in nmcli.networks(text):
        assert 1 <= len(network.ssid) <= 32
    nmcli.sight(text, text)
    nmcli.verdict(4, text)
    nmcli.stations(text)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("(7) Secrets were required, but not provided.", Verdict.PASSWORD),
        ("Secrets were required, but not provided", Verdict.PASSWORD),
        ("(53) The Wi-Fi network could not be found.", Verdict.ABSENT),
        ("IP configuration could not be reserved (no available address, …)", Verdict.ADDRESS),
        ("DHCP client failed.", Verdict.ADDRESS),
        ("802.1X supplicant took too long to authenticate.", Verdict.REFUSED),
        ("802.1X supplicant disconnected.", Verdict.REFUSED),
        ("A device disappeared.", Verdict.FAILED),
        ("", Verdict.FAILED),
    ],
)  # fmt: skip
def test_what_came_of_it(said: str, expected: Verdict) -> None:
    text = f"{NOT_GIVEN}{ERROR.format(said)}" if said else ""
    assert nmcli.verdict(4, text) is expected


def test_success_and_time_over_are_told_by_the_code() -> None:
    assert nmcli.verdict(0, "Connection successfully activated") is Verdict.JOINED
    assert nmcli.verdict(3, "Error: Timeout expired (75 seconds)") is Verdict.SLOW
    assert nmcli.verdict(124, "") is Verdict.SLOW


def test_stations_are_counted() -> None:
    dump = "Station 02:00:00:00:01:00 (on wlan0)\n\tinactive time:\t4 ms\n\trx bytes:\t77\n"
    assert [nmcli.stations(dump * count) for count in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("ssid", "shown"),
    [(b"Home", "Home"), (b"Caf\xe9", "Caf\ufffd"), (b"a\nb\0", "a\ufffdb\ufffd"),
     ("a\u202eb".encode(), "a\ufffdb"), ("Küche 🍳".encode(), "Küche 🍳")],
)  # fmt: skip
def test_a_name_is_shown_without_what_cannot_be_seen(ssid: bytes, shown: str) -> None:
    assert readable(ssid) == shown
