"""What a browser may send, and what comes of it."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.onboarding.form import OTHER, Filled, FormError, check, read
from appliance.onboarding.model import Choice
from tests.onboarding.conftest import NETWORKS

HOME, CAFE, OFFICE = (network.ssid.hex() for network in NETWORKS)
COUNTRIES = {"DE", "GB"}
KEY = "sk-proj-Abc_123-xyz"
BLANKS = "  with blanks "
TWO_LINES = "1234567\npsk=other"
TOKEN = "T"  # noqa: S105 - of a page


def test_a_whole_form_is_a_choice() -> None:
    body = urlencode({
        "token": TOKEN, "network": HOME, "name": "", "password": "Grüße & mehr", "country": "DE",
        "api_key": f" {KEY}\r\n", "unknown": "x",
    })  # fmt: skip
    filled = read(body.encode())
    assert filled.token == TOKEN
    expected = Choice(b"Home", "Grüße & mehr", hidden=False, country="DE", api_key=KEY)
    assert check(filled, NETWORKS, COUNTRIES) == expected


@pytest.mark.parametrize(
    ("filled", "expected"),
    [
        (Filled(network=HOME, password="x" * 8), Choice(b"Home", "x" * 8)),
        (Filled(network=HOME, password="x" * 63), Choice(b"Home", "x" * 63)),
        (Filled(network=HOME, password="aF" * 32), Choice(b"Home", "aF" * 32)),
        (Filled(network=HOME, password=BLANKS), Choice(b"Home", BLANKS)),
        (Filled(network=CAFE), Choice("Café <b>".encode())),
        (Filled(network=OTHER, name="Hidden"), Choice(b"Hidden", hidden=True)),
        (Filled(network=OTHER, name="ü" * 16, password="x" * 8),
         Choice(("ü" * 16).encode(), "x" * 8, hidden=True)),
    ],
)  # fmt: skip
def test_what_is_right(filled: Filled, expected: Choice) -> None:
    assert check(filled, NETWORKS, COUNTRIES) == expected


@pytest.mark.parametrize(
    ("filled", "field"),
    [
        (Filled(), "network"),
        (Filled(network="00ff"), "network"),  # not in the list
        (Filled(network="'; rm -rf"), "network"),
        (Filled(network=OFFICE, password="x" * 8), "network"),
        (Filled(network=HOME), "password"),
        (Filled(network=HOME, password="x" * 7), "password"),
        (Filled(network=HOME, password="x" * 64), "password"),
        (Filled(network=HOME, password="ü" * 32), "password"),  # 64 bytes
        (Filled(network=HOME, password=TWO_LINES), "password"),
        (Filled(network=CAFE, password="x" * 8), "password"),
        (Filled(network=OTHER), "name"),
        (Filled(network=OTHER, name="x" * 33), "name"),
        (Filled(network=OTHER, name="a\nb"), "name"),
        (Filled(network=CAFE, country="XX"), "country"),
        (Filled(network=CAFE, country="DE\noptions evil"), "country"),
        (Filled(network=CAFE, api_key="sk-a b"), "api_key"),
        (Filled(network=CAFE, api_key="sk-a\nb"), "api_key"),
        (Filled(network=CAFE, api_key="sk-...abc"), "api_key"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(filled: Filled, field: str) -> None:
    wrong = check(filled, NETWORKS, COUNTRIES)
    assert not isinstance(wrong, Choice)
    assert list(wrong) == [field]
    assert wrong[field].endswith(".")
    assert filled.password not in wrong[field] or not filled.password


@pytest.mark.parametrize(
    "body",
    [
        b"network=a&network=b",  # which one would count?
        b"password=%ff%fe",  # no UTF-8
        b"\xff\xfe",
        "ü=1".encode(),
        b"&".join(b"a%d=1" % number for number in range(11)),
        b"x=1;y=2&" * 5,
    ],
)
def test_what_no_form_of_ours_sends_is_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        read(body)


@given(st.binary(max_size=300))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    try:
        filled = read(body)
    except FormError:
        return
    check(filled, NETWORKS, COUNTRIES)


@given(st.builds(Filled, st.text(), st.sampled_from([HOME, CAFE, OTHER]), *[st.text()] * 4))
def test_nothing_that_passes_can_leave_its_line(filled: Filled) -> None:
    choice = check(filled, NETWORKS, COUNTRIES)
    if isinstance(choice, Choice):
        for text in (choice.password, choice.country, choice.api_key):
            assert "\n" not in text
            assert text.isprintable()


def test_secrets_are_not_in_what_is_printed() -> None:
    filled = Filled("T0KEN", HOME, "", "correct horse", "DE", KEY)
    choice = check(filled, NETWORKS, COUNTRIES)
    for secret in ("T0KEN", "correct horse", KEY):
        assert secret not in repr(filled) + repr(choice)
