"""What is private leaves a text; what is needed to understand it stays."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.doctor.redact import Redactor


def redacted(text: str, **more: list[str]) -> str:
    return Redactor(**more).text(text)


@pytest.mark.parametrize(
    ("private", "left"),
    [
        ("key sk-proj-abcDEF_123-456789 used", "key *** used"),
        ("value ek_0123456789abcdef", "value ***"),
        ("Authorization: Bearer eyJhbGciOi.x.y", "Authorization: Bearer ***"),
        ("wpa-psk=hunter2hunter2", "wpa-psk=***"),
        ("WIFI_PASSWORD=hunter2hunter2", "WIFI_PASSWORD=***"),
        ("wpa_psk: hunter2hunter2", "wpa_psk: ***"),
        ('psk = "two words here"', "psk = ***"),
        ('"password": "p\'w"', '"password": ***'),
        ("write to a.person+x@home.example.org now", "write to mail-1 now"),
        ("from 192.168.1.17:443 to 10.0.0.1", "from ip-1:443 to ip-2"),
        ("fe80::1ff:fe23:4567:890a%wlan0 is up", "ip-1 is up"),
        ("udp 2001:db8::17 port 3478", "udp ip-1 port 3478"),
        ("wlan0 b8:27:eb:12:34:56 up", "wlan0 mac-1 up"),
        ("B8-27-EB-12-34-56", "mac-1"),
        ("https://user:pw@gateway.corp.example/v1", "https://host-1/v1"),
        ("http://[2001:db8::5]:80/", "http://ip-1:80/"),
        ("boot 0123456789abcdef0123456789abcdef", "boot id-1"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id id-1"),
        ("/home/alice/key and /home/bob", "/home/user/key and /home/user"),
    ],
)
def test_private_things_are_taken_out(private: str, left: str) -> None:
    assert redacted(private) == left


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28T12:25:33+0000 voice-appliance[812]: Ready.",
        "https://api.openai.com/v1 answers",
        "http://127.0.0.1:8765/v1 and http://localhost/ and ::1 and 0.0.0.0",
        "aiortc 1.16.0, libopus 1.5.2, gpiozero 2.0.1.post3, Linux 6.12.47+rpt-rpi-v8",
        "alsa-topology-conf 1.2.5.1-2",
        "at usb-0000:01:00.0-1.3, high speed",
        "  sys/bus/usb/devices/1-1/idVendor: 046d",
        "GPIO 17, 27, 22 on gpiochip0 (pinctrl-rp1).",
        "token budget of 4096; passes: 3",
    ],
)
def test_what_tells_nothing_of_a_person_stays(text: str) -> None:
    assert redacted(text) == text


def test_the_same_machine_has_the_same_mark_in_every_text() -> None:
    redactor = Redactor()
    assert redactor.text("10.0.0.7 asks 10.0.0.8") == "ip-1 asks ip-2"
    assert redactor.text("10.0.0.8, aa:bb:cc:dd:ee:ff") == "ip-2, mac-1"
    assert redactor.text("AA:BB:CC:DD:EE:FF") == "mac-1"


def test_names_are_taken_out_as_words_and_secrets_wherever_they_are() -> None:
    redactor = Redactor(names=["Kitchen", "anna", "root", "x"], secrets=["canary", ""])
    assert redactor.text("KITCHEN.local, annabel, anna's, kitchen") == (
        "name.local, annabel, name's, name"
    )
    assert redactor.text("root of x: AcanaryB") == "root of x: A***B"


AROUND = st.text(alphabet=" \t\n\"'()[]{}=,;<>|", max_size=3)
ADDRESSES = st.ip_addresses().filter(lambda one: not (one.is_loopback or one.is_unspecified))
MACS = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
KEYS = st.from_regex(r"sk-[A-Za-z0-9_-]{20,60}", fullmatch=True)


@given(AROUND, ADDRESSES.map(str) | MACS | KEYS, AROUND)
def test_nothing_private_survives_in_any_company(before: str, private: str, after: str) -> None:
    assert private not in redacted(f"x {before}{private}{after} x")


@given(ADDRESSES)
def test_address_with_a_port_or_a_mask_is_taken_out_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    place = f"[{address}]" if address.version == 6 else str(address)
    assert str(address) not in redacted(f"to {place}:443 of {address}/64")
