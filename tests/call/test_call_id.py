"""Where the call id is read from."""

import pytest
from yarl import URL

from appliance.call.signaling import call_id_of

CALLS = URL("https://api.example.com/v1/realtime/calls")


@pytest.mark.parametrize(
    ("location", "call_id"),
    [
        ("/v1/realtime/calls/rtc_u2_E4", "rtc_u2_E4"),
        ("/v1/realtime/calls/calls/rtc_u2_E4", "rtc_u2_E4"),
        ("/v1/realtime/calls/rtc_u2_E4?model=x", "rtc_u2_E4"),
        ("/v1/realtime/calls/rtc_u2_E4/", "rtc_u2_E4"),
        ("https://api.example.com/v1/realtime/calls/rtc_9", "rtc_9"),
        ("https://api.example.com:443/v1/realtime/calls/rtc_9", "rtc_9"),
        ("rtc_relative", "rtc_relative"),
        ("/v1/calls/4a1b0f5c-7a52-4b5e-9a3f-0123456789ab", "4a1b0f5c-7a52-4b5e-9a3f-0123456789ab"),
        (None, None),
        ("", None),
        ("/", None),
        ("/v1/realtime/calls", None),
        ("/v1/realtime/calls/", None),
        ("https://evil.example.com/v1/realtime/calls/rtc_1", None),
        ("http://api.example.com/v1/realtime/calls/rtc_1", None),
        ("//evil.example.com/rtc_1", None),
        ("/v1/realtime/calls/rtc%0d%0aX", None),
        ("/v1/realtime/calls/rtc_1%2F..%2Fx", "x"),
        ("/v1/realtime/calls/" + "x" * 129, None),
        ("http://[broken", None),
        ("\x00", None),
    ],
)
def test_call_id_is_read_from_every_location_seen(
    location: str | None, call_id: str | None
) -> None:
    assert call_id_of(location, CALLS) == call_id
