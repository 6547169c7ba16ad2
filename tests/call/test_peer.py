"""The peer connection, against plain aiortc on loopback."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiortc import RTCIceParameters
from aiortc.sdp import SessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.call import peer as peer_module
from appliance.call.peer import (
    CANDIDATES_LIMIT,
    MESSAGE_LIMIT,
    Peer,
    ask_for_fec,
    is_loopback,
    usable,
)
from appliance.errors import ServiceError, UnreachableError
from appliance.media.opus import OpusDecoder, find_opus
from tests.call.answerer import Answerer, Hush, cut, mend

if TYPE_CHECKING:
    from appliance.media.packet import Packet

PATIENCE = 15  # s; a busy machine is slow at DTLS


class Caller(Peer):
    """A peer that keeps what it receives."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.packets: asyncio.Queue[Packet] = asyncio.Queue()
        keep = self.packets.put_nowait
        super().__init__(Hush(), keep, self.messages.put_nowait, loopback=True)


@pytest_asyncio.fixture
async def no_complaints() -> AsyncIterator[None]:
    """Fails a test in which something failed that nobody awaits: a task of aiortc's, a callback."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(f"{context['message']}: {context.get('exception')!r}")
    )
    yield
    gc.collect()
    assert told == []


@asynccontextmanager
async def pair(*, deaf: bool = False) -> AsyncIterator[tuple[Caller, Answerer]]:
    async with asyncio.timeout(PATIENCE):
        caller, answerer = Caller(), Answerer(deaf=deaf)
        try:
            yield caller, answerer
        finally:
            await caller.close()
            await answerer.close()


async def join(caller: Peer, answerer: Answerer) -> None:
    await caller.accept(await answerer.answer(await caller.offer()))
    await caller.connected()


@pytest.mark.slow
async def test_offer_is_complete_and_asks_for_error_correction() -> None:
    async with pair() as (caller, _):
        offer = await caller.offer()

    parsed = SessionDescription.parse(offer)
    audio, data = parsed.media
    assert offer.endswith("\r\n")
    assert (audio.kind, audio.direction) == ("audio", "sendrecv")
    assert (data.kind, data.profile) == ("application", "UDP/DTLS/SCTP")
    assert [codec.mimeType for codec in audio.rtp.codecs] == ["audio/opus"]
    assert audio.rtp.codecs[0].parameters == {"minptime": 10, "useinbandfec": 1}
    assert "127.0.0.1" in {candidate.ip for candidate in audio.ice_candidates}
    assert audio.ice_candidates_complete


@pytest.mark.slow
async def test_loopback_is_offered_to_a_local_service_only() -> None:
    caller = Peer(Hush(), lambda _: None, lambda _: None)
    offer = await caller.offer()
    await caller.close()

    assert "127.0.0.1" not in offer


@pytest.mark.slow
async def test_messages_go_both_ways() -> None:
    async with pair() as (caller, answerer):
        await join(caller, answerer)
        assert await caller.channel_open()
        assert caller.send("to the service")
        assert await answerer.messages.get() == "to the service"
        assert answerer.channel is not None
        assert answerer.channel.label == "oai-events"
        answerer.channel.send("to the device")
        assert await caller.messages.get() == "to the device"


@pytest.mark.slow
async def test_sound_goes_both_ways() -> None:
    async with pair() as (caller, answerer):
        await join(caller, answerer)
        assert answerer.far is not None
        first, second = await caller.packets.get(), await caller.packets.get()
        await answerer.far.recv()
        received = await caller.received()

    assert (second.timestamp - first.timestamp) % 2**32 == 960
    assert (second.sequence - first.sequence) % 2**16 == 1
    assert OpusDecoder(find_opus()).duration(first.payload) == 960
    assert received.rtp > 0
    assert received.packets > received.rtp


@pytest.mark.slow
async def test_less_room_is_made_for_a_datagram_than_asyncio_makes() -> None:
    async with pair() as (caller, answerer):
        await join(caller, answerer)
        (path,) = caller._ice._agent._nominated.values()
        transport: Any = path.protocol.transport

    assert 18_432 < transport.max_size < type(transport).max_size


@pytest.mark.slow
async def test_message_beyond_the_limits_is_not_sent() -> None:
    async with pair() as (caller, answerer):
        answer = await answerer.answer(await caller.offer())
        await caller.accept(answer.replace("max-message-size:262144", "max-message-size:1000"))
        await caller.connected()
        assert not caller.send("too early")
        assert await caller.channel_open()
        assert not caller.send("x" * 1001)
        assert not caller.send("ü" * 501)
        assert caller.send("x" * 1000)
        assert await answerer.messages.get() == "x" * 1000


@pytest.mark.slow
async def test_limit_is_ours_where_the_service_has_none() -> None:
    async with pair() as (caller, answerer):
        answer = await answerer.answer(await caller.offer())
        await caller.accept(answer.replace("max-message-size:262144", "max-message-size:0"))
        await caller.connected()
        assert await caller.channel_open()
        assert not caller.send("x" * (MESSAGE_LIMIT + 1))


@pytest.mark.slow
async def test_answer_that_leads_nowhere_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "CONNECT_TIMEOUT", 0.2)
    async with pair() as (caller, answerer):
        answer = await answerer.answer(without_candidates(await caller.offer()))
        await caller.accept(without_candidates(answer))
        with pytest.raises(UnreachableError, match="no sound can flow"):
            await caller.connected()


def without_candidates(sdp: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if "candidate" not in line)


@pytest.mark.slow
async def test_wrong_fingerprint_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair() as (caller, answerer):
        answer = await answerer.answer(await caller.offer())
        lines = [
            "a=fingerprint:sha-256 " + ":".join(["00"] * 32) if "fingerprint" in line else line
            for line in answer.splitlines()
        ]
        await caller.accept("\r\n".join([*lines, ""]))
        with pytest.raises(UnreachableError):
            await caller.connected()


@pytest.mark.slow
async def test_channel_that_never_opens_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "CHANNEL_TIMEOUT", 0.3)
    async with pair(deaf=True) as (caller, answerer):
        await join(caller, answerer)
        assert not await caller.channel_open()
        assert not caller.is_open


@pytest.mark.slow
async def test_path_that_is_found_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        await (looked.wait() if seconds < 1 else sleep(seconds))

    monkeypatch.setattr("aioice.ice.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": pause}))
    async with pair() as (caller, answerer):
        await join(caller, answerer)  # though aioice still pauses after the check
        assert await caller.is_reachable()
        looked.set()


@pytest.mark.slow
async def test_end_by_the_other_side_is_told() -> None:
    async with pair() as (caller, answerer):
        await join(caller, answerer)
        assert await caller.channel_open()
        assert not caller.is_over
        await answerer.close()
        await caller.over()
        assert caller.is_over


@pytest.mark.slow
async def test_sign_of_life_is_given_and_missed() -> None:
    async with pair() as (caller, answerer):
        assert not await caller.is_reachable()
        await join(caller, answerer)
        assert await caller.is_reachable()
        cut(answerer)
        assert not await caller.is_reachable()
        mend(answerer)
        assert await caller.is_reachable()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "nonsense",
        "v=0\r\n",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n",
        "v=0\r\nm=audio\r\n",
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n",
        "v=0\r\na=group:BUNDLE\r\nm=audio 9 UDP/TLS/RTP/SAVPF x\r\nc=IN\r\n",
    ],
    ids=range(7),
)
@pytest.mark.slow
async def test_answer_that_is_none_is_refused(answer: str) -> None:
    async with pair() as (caller, _):
        await caller.offer()
        with pytest.raises(ServiceError):
            await caller.accept(answer)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), edits=st.integers(1, 8))
def test_damaged_answer_is_refused_or_accepted_but_never_breaks(seed: int, edits: int) -> None:
    async def try_answer() -> None:
        async with pair() as (caller, answerer):
            answer = await answerer.answer(await caller.offer())
            try:
                await caller.accept(damage(answer, seed, edits))
            except ServiceError:
                return

    asyncio.run(try_answer())


def damage(answer: str, seed: int, edits: int) -> str:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    lines = answer.splitlines()
    for _ in range(edits):
        at = chance.randrange(len(lines))
        line = lines[at]
        match chance.randrange(4):
            case 0:
                lines[at] = ""
            case 1:
                lines[at] = line[: chance.randrange(len(line) + 1)]
            case 2:
                lines.insert(at, chance.choice(lines))
            case _:
                cut_at = chance.randrange(len(line) + 1)
                lines[at] = line[:cut_at] + chance.choice("\x00ü:=9 -") + line[cut_at:]
    return "\r\n".join([*lines, ""])


@pytest.mark.slow
async def test_nothing_starts_once_a_call_is_closed() -> None:
    async with pair() as (caller, _):
        await caller.offer()
        ice, sctp = caller._sender.transport.transport, caller._channel.transport
        caller._ice.retire()
        await ice.start(RTCIceParameters())
        await sctp.start(None, 5000)
        assert (ice.state, sctp.state) == ("new", "new")


@pytest.mark.slow
@pytest.mark.timeout(90)
async def test_call_closed_at_any_moment_leaves_nothing(
    no_leftover_tasks: None, no_leftover_resources: None, no_complaints: None
) -> None:
    chance = random.Random(4711)  # noqa: S311 - repeatable
    for round_number in range(60):
        caller, answerer = Caller(), Answerer()
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
            joining = tasks.create_task(_join_quietly(caller, answerer))
            # Most moments around the end of ICE and of DTLS, some at the very start.
            await asyncio.sleep(chance.random() * (0.005 if round_number % 3 == 0 else 0.06))
            joining.cancel()
            await caller.close()
            await answerer.close()
    await asyncio.get_running_loop().shutdown_default_executor()  # the answerer encodes there


async def _join_quietly(caller: Peer, answerer: Answerer) -> None:
    try:
        await join(caller, answerer)
    except ServiceError:
        return


def test_error_correction_is_asked_for_once_and_of_opus_only() -> None:
    offer = "a=rtpmap:96 opus/48000/2\r\na=rtpmap:9 G722/8000\r\n"

    assert ask_for_fec(offer) == (
        "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 minptime=10;useinbandfec=1\r\n"
        "a=rtpmap:9 G722/8000\r\n"
    )


def test_candidates_that_are_no_use_are_left_out() -> None:
    good = "a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host ufrag x"
    tcp = "a=candidate:2 1 tcp 1671430143 192.0.2.1 443 typ host tcptype passive"
    name = "a=candidate:3 1 udp 1 4f8a.local 1 typ host"

    told = usable(f"v=0\nm=audio\n{good}\n{tcp}\n{name}\na=candidate:\n")
    assert told == f"v=0\r\nm=audio\r\n{good}\r\n"

    many = "".join(f"{good}{number}\n" for number in range(10_000))
    assert usable(f"m=audio\n{many}").count("candidate") == CANDIDATES_LIMIT


def test_candidates_of_one_section_are_told_in_each() -> None:
    good = "a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host ufrag x"

    told = usable(f"v=0\r\nm=audio\r\n{good}\r\na=mid:0\r\nm=application\r\na=mid:1\r\n")

    assert told.split("\r\n") == [
        "v=0", "m=audio", "a=mid:0", good, "m=application", "a=mid:1", good, "",
    ]  # fmt: skip


def test_candidates_of_two_sections_are_told_once_in_each() -> None:
    known = [f"a=candidate:{n} 1 udp 1 192.0.2.1 {n} typ host" for n in range(CANDIDATES_LIMIT)]

    told = usable("\n".join(["v=0", "m=audio", *known[1:], "m=application 0", *known[::-1], ""]))

    assert told.split("\r\n") == [
        "v=0", "m=audio", *known[1:], known[0], "m=application 0", *known[1:], known[0], "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.8.0.1/v1", True),
        ("http://localhost:1/v1", True),
        ("http://[::1]:1/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://192.168.1.5/v1", False),
        ("http://localhost.example.com/v1", False),
    ],
)
def test_local_services_are_recognised(url: str, local: bool) -> None:
    assert is_loopback(url) is local
