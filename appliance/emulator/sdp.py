"""Offers checked and answers written as the real service does it - pure."""

import re
from typing import Final

from appliance.emulator.wire import Refusal

# Recorded answer of api.openai.com, July 2026.
MAX_MESSAGE: Final = 1_073_741_823
_TCP_PRIORITY: Final = 1_671_430_143
_WHIP: Final = "Invalid SDP offer. Please try again with a WHIP-compliant offer."


def check_offer(offer: str) -> None:
    """Refuse what the service refuses.

    Raises:
        Refusal: not SDP, no audio section, no Opus, or the last line break is missing (all
            reported of api.openai.com in 2025 and 2026).
    """
    lines = offer.splitlines()
    good = (
        offer.startswith("v=0")
        and offer.endswith("\n")
        and any(line.startswith("m=audio") for line in lines)
        and any(line.startswith("a=ice-ufrag:") for line in lines)
        and any(line.startswith("a=fingerprint:") for line in lines)
        and any(re.match(r"a=rtpmap:\d+ opus/48000/2", line, re.IGNORECASE) for line in lines)
    )
    if not good:
        raise Refusal("invalid_offer", _WHIP)


def without_candidates(offer: str) -> str:
    """Return the offer as if the client had told no address, nor that there are no more.

    The service is ICE-lite (its answers say so): it asks nobody, and learns a client's address
    from being asked. aiortc is not, and would ask each address that it is told.
    """
    return re.sub(r"^a=(?:candidate:.*|end-of-candidates)\r?\n", "", offer, flags=re.MULTILINE)


def service_answer(answer: str, session_number: int, started: int) -> str:
    """Aiortc's answer in the form of the recorded ones.

    Args:
        answer: as aiortc wrote it.
        session_number: of the `o=` line, any number.
        started: of the `o=` line, wall clock in seconds.
    """
    head, *sections = _sections(answer)
    fingerprint = _first(answer, r"a=fingerprint:sha-256 (\S+)")
    user, password = _first(answer, r"a=ice-ufrag:(\S+)"), _first(answer, r"a=ice-pwd:(\S+)")
    group = _first("\n".join(head), r"a=group:BUNDLE (.*)")
    lines = [
        "v=0",
        f"o=- {session_number} {started} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=msid-semantic:WMS *",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=ice-lite",
        f"a=group:BUNDLE {group}",
    ]
    candidates = sorted(
        set(re.findall(r"a=candidate:(\S+) 1 udp \d+ (\S+) (\d+) typ host", answer))
    )
    for index, section in enumerate(sections):
        ice = [f"a=ice-ufrag:{user}", f"a=ice-pwd:{password}"]
        if section[0].startswith("m=audio"):
            lines += _audio(section, ice, user, candidates if index == 0 else [])
        elif section[0].startswith("m=application"):
            lines += _channel(section, ice)
        else:
            lines += [
                re.sub(r"^(m=\w+) \d+", r"\1 0", section[0]),
                "c=IN IP4 0.0.0.0",
                f"a=mid:{_mid(section)}",
                "a=inactive",
            ]
    return "\r\n".join(lines) + "\r\n"


def _audio(
    section: list[str], ice: list[str], user: str, candidates: list[tuple[str, str, str]]
) -> list[str]:
    text = "\n".join(section)
    opus = _first(text, r"(?i)a=rtpmap:(\d+) opus/")
    source = _first(text, r"a=ssrc:(\d+)", "1")
    lines = [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {opus} 0 8",
        "c=IN IP4 0.0.0.0",
        "a=setup:active",
        f"a=mid:{_mid(section)}",
        *ice,
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{opus} opus/48000/2",
        f"a=fmtp:{opus} minptime=10;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        f"a=ssrc:{source} cname:realtimeapi",
        f"a=ssrc:{source} msid:realtimeapi audio",
        f"a=ssrc:{source} mslabel:realtimeapi",
        f"a=ssrc:{source} label:audio",
        "a=msid:realtimeapi audio",
        "a=sendrecv",
    ]
    for number, (_, host, port) in enumerate(candidates, 1):
        lines.append(f"a=candidate:{number} 1 udp 2130706431 {host} {port} typ host ufrag {user}")
    if candidates:  # the service also listens on TCP; nobody does here, and aiortc does not try
        host = candidates[0][1]
        lines.append(
            f"a=candidate:99 1 tcp {_TCP_PRIORITY} {host} 9 typ host tcptype passive ufrag {user}"
        )
    return lines


def _channel(section: list[str], ice: list[str]) -> list[str]:
    return [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=setup:active",
        f"a=mid:{_mid(section)}",
        "a=sendrecv",
        "a=sctp-port:5000",
        f"a=max-message-size:{MAX_MESSAGE}",
        *ice,
    ]


def _sections(text: str) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _mid(section: list[str]) -> str:
    return _first("\n".join(section), r"a=mid:(\S+)", "0")


def _first(text: str, pattern: str, default: str = "") -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1) if match else default
