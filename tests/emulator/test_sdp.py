"""Offers are refused and answers written as the service does it."""

import json
import re
from pathlib import Path

import pytest

from appliance.emulator.sdp import MAX_MESSAGE, check_offer, service_answer, without_candidates
from appliance.emulator.wire import Refusal

OFFER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 AA:BB
a=setup:actpass
a=rtpmap:111 OPUS/48000/2
""".replace("\n", "\r\n")
ANSWER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic:WMS *
m=audio 4000 UDP/TLS/RTP/SAVPF 96 0 8
c=IN IP4 192.0.2.7
a=sendrecv
a=mid:0
a=msid:a b
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc:1234 cname:xyz
a=rtpmap:96 opus/48000/2
a=rtpmap:0 PCMU/8000
a=candidate:f1 1 udp 2130706431 127.0.0.1 4000 typ host
a=candidate:f2 1 udp 2130706431 192.0.2.7 4001 typ host
a=end-of-candidates
a=ice-ufrag:abcd/u0/x
a=ice-pwd:secretsecretsecretsecret
a=fingerprint:sha-256 AA:BB
a=setup:active
m=application 4000 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.7
a=mid:1
a=sctp-port:5000
a=max-message-size:65536
a=ice-ufrag:abcd/u0/x
a=ice-pwd:secretsecretsecretsecret
a=fingerprint:sha-256 AA:BB
a=setup:active
"""


def attributes(sdp: str) -> list[str]:
    """Lines without their values: what is said, in which order."""
    names = []
    for line in sdp.splitlines():
        if line.startswith("a="):
            names.append(re.split(r"[:\s]", line)[0])
        else:
            names.append(line[:2] + (line.split()[0][2:] if line.startswith("m=") else ""))
    return [n for n, before in zip(names, ["", *names], strict=False) if n != before]


def test_good_offer_is_accepted_with_either_line_break() -> None:
    check_offer(OFFER)
    check_offer(OFFER.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "offer",
    [
        "",
        OFFER.rstrip(),
        '{"sdp": "v=0"}\n',
        OFFER.replace("m=audio", "m=video"),
        OFFER.replace("OPUS", "ISAC"),
        OFFER.replace("a=fingerprint", "a=finger"),
        OFFER.replace("a=ice-ufrag", "a=ice"),
    ],
)
def test_bad_offer_is_refused(offer: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_offer(offer)
    assert caught.value.code == "invalid_offer"
    assert caught.value.cause == (
        "Invalid SDP offer. Please try again with a WHIP-compliant offer."
    )


def test_answer_is_in_the_services_form() -> None:
    answer = service_answer(ANSWER, 42, 7)
    head, audio, channel = re.split(r"(?=^m=)", answer, flags=re.MULTILINE)
    assert "o=- 42 7 IN IP4 0.0.0.0" in head
    assert "a=ice-lite\r\n" in head
    assert "a=fingerprint:sha-256 AA:BB\r\n" in head
    assert "fingerprint" not in audio + channel
    assert "a=setup:active" in audio
    assert "a=setup:active" in channel
    assert "a=msid:realtimeapi audio" in audio
    assert "a=fmtp:96 minptime=10;useinbandfec=1" in audio
    assert "end-of-candidates" not in answer
    assert "typ host ufrag abcd/u0/x" in audio
    assert "candidate" not in channel
    assert f"a=max-message-size:{MAX_MESSAGE}" in channel
    assert answer.endswith("\r\n")


def test_unknown_sections_are_rejected_but_counted() -> None:
    answer = service_answer(ANSWER.replace("m=application", "m=video"), 1, 1)
    assert "m=video 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer
    assert "a=inactive\r\n" in answer


def test_answer_has_the_lines_of_the_recorded_one(golden_folder: Path) -> None:
    file = golden_folder / "recorded" / "webrtc__answer_webrtc_offer.jsonl"
    recorded = json.loads(file.read_text().splitlines()[0])["response"]["body"]["string"]
    assert attributes(service_answer(ANSWER, 1, 1)) == attributes(recorded)


def test_addresses_of_the_client_are_not_looked_at() -> None:
    told = "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\na=x\r\n"

    assert without_candidates(told) == "a=mid:0\r\na=x\r\n"
