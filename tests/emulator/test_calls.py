"""Real calls over loopback: WebRTC, data channel, sideband, and their ends."""

import asyncio
import base64
import json
import struct
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from appliance.emulator.options import Options
from appliance.emulator.server import Emulator, running
from tests.emulator.client import PATIENCE, SESSION, Client, Json, Wire, call, headers, socket_wire
from tests.emulator.desk import ADD, TIME, one, transcript, types

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(90),
    pytest.mark.usefixtures("no_leftover_tasks"),
]
TEXT = {**SESSION, "output_modalities": ["text"]}


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with running(Options()) as emulator:
        yield emulator


async def test_typed_turn_is_answered_in_sound_on_both_channels(emulator: Emulator) -> None:
    async with call(emulator.url) as client, client.sideband() as sideband:
        client.wire.say("hello")
        async with asyncio.timeout(PATIENCE):
            await client.first_sound.wait()
        await client.wire.until("output_audio_buffer.stopped")
        await sideband.until("output_audio_buffer.stopped")
    names = types(client.wire.events)
    assert names[0] == "session.created"
    assert types(sideband.events) == names[1:]
    assert "response.output_audio.delta" not in names
    started = names.index("output_audio_buffer.started")
    assert names.index("response.content_part.added") < started
    assert started < names.index("response.output_audio.done")
    assert names.index("response.done") < names.index("output_audio_buffer.stopped")


async def test_playback_takes_as_long_as_the_speech(emulator: Emulator) -> None:
    async with call(emulator.url) as client:
        client.wire.say("count from one to three")
        started = await client.wire.until("output_audio_buffer.started")
        stopped = await client.wire.until("output_audio_buffer.stopped")
        item = one(client.wire.events, "response.done")["response"]["output"][0]
        client.wire.send("conversation.item.truncate", item_id=item["id"], content_index=0,
                         audio_end_ms=10_000_000)  # fmt: skip
        message = (await client.wire.until("error"))["error"]["message"]
    spoken = int(message.split("ms")[0].rpartition(" ")[2]) / 1000
    assert stopped["_at"] - started["_at"] > spoken - 0.3


async def test_session_given_at_creation_is_in_force(emulator: Emulator) -> None:
    session = {**SESSION, "instructions": "Be brief.", "tools": [ADD]}
    async with call(emulator.url, session) as client:
        created = (await client.wire.until("session.created"))["session"]
    assert created["instructions"] == "Be brief."
    assert created["tools"] == [ADD]
    assert created["id"].removeprefix("sess_") == client.call_id.removeprefix("rtc_")


async def test_sideband_is_not_greeted_and_may_configure(emulator: Emulator) -> None:
    async with call(emulator.url) as client, client.sideband() as sideband:
        sideband.send("session.update", session={"type": "realtime", "tools": [TIME]})
        await sideband.until("session.updated")
        await client.wire.until("session.updated")
    assert types(sideband.events) == ["session.updated"]


async def test_tool_round_over_the_sideband(emulator: Emulator) -> None:
    async with (
        call(emulator.url, {**SESSION, "tools": [ADD]}) as client,
        client.sideband() as sideband,
    ):
        client.wire.say("add two and five slowly")
        done = await sideband.until("response.output_item.done",
                                    lambda e: e["item"]["type"] == "function_call")  # fmt: skip
        assert json.loads(done["item"]["arguments"]) == {"a": 2, "b": 5}
        await sideband.until("response.done")
        output = {"type": "function_call_output", "call_id": done["item"]["call_id"],
                  "output": '{"sum": 7}'}  # fmt: skip
        sideband.send("conversation.item.create", item=output)
        sideband.send("response.create")
        await client.wire.until("response.output_audio_transcript.done")
        await client.wire.until(
            "response.output_audio_transcript.done", lambda e: "seven" in e["transcript"]
        )


async def test_audio_only_offer_is_served_over_the_sideband(emulator: Emulator) -> None:
    async with call(emulator.url, channel=False) as client, client.sideband() as sideband:
        assert "m=application" not in client.answer
        sideband.say("hello")
        async with asyncio.timeout(PATIENCE):
            await client.first_sound.wait()
        await sideband.until("output_audio_buffer.stopped")


async def test_answer_made_before_the_peer_connects_is_heard(emulator: Emulator) -> None:
    """The sideband is there before the media; playback is announced when somebody listens."""
    async with aiohttp.ClientSession() as http:
        client = Client(http, emulator.url, channel=False)
        try:
            await client.offer(SESSION)
            async with client.sideband() as sideband:
                sideband.send("response.create")
                await sideband.until("response.done")
                assert "output_audio_buffer.started" not in sideband.types()
                await client.accept()
                await sideband.until("output_audio_buffer.started")
                await sideband.until("output_audio_buffer.stopped")
        finally:
            await client.pc.close()


async def test_hang_up_ends_channel_and_sideband(emulator: Emulator) -> None:
    async with call(emulator.url) as client, client.sideband() as sideband:
        assert await client.hang_up() == 200
        async with asyncio.timeout(PATIENCE):
            await client.wire.closed.wait()
            await sideband.closed.wait()
        assert sideband.socket is not None
        assert sideband.socket.close_code == 1000
        assert await client.hang_up() == 404
        record = await client.record()
    assert (record["ended"], record["hangups"]) == ("hung up", 1)


async def test_closing_the_peer_ends_the_call(emulator: Emulator) -> None:
    async with call(emulator.url) as client, client.sideband() as sideband:
        await client.pc.close()
        async with asyncio.timeout(PATIENCE):
            await sideband.closed.wait()
        assert (await client.record())["ended"].startswith("peer")


async def test_sideband_of_nothing_is_refused_with_the_services_words(emulator: Emulator) -> None:
    async with aiohttp.ClientSession() as http:
        url = f"{emulator.url}/realtime?call_id=rtc_none"
        async with http.get(url, headers=headers()) as response:
            assert response.status == 404
            assert (await response.json())["error"] == {
                "message": "No session found for the provided call_id",
                "type": "invalid_request_error",
                "code": "call_id_not_found",
                "param": "",
            }
        async with http.get(url) as response:
            assert response.status == 401


async def test_sideband_with_another_key_is_refused(emulator: Emulator) -> None:
    async with call(emulator.url, TEXT) as client:
        url = f"{emulator.url}/realtime?call_id={client.call_id}"
        async with client.http.get(url, headers=headers("sk-other")) as response:
            assert response.status == 404


async def test_too_large_a_message_closes_the_data_channel(emulator: Emulator) -> None:
    async with call(emulator.url, TEXT) as client, client.sideband() as sideband:
        client.wire.add_text("x" * 300_000)
        async with asyncio.timeout(PATIENCE):
            await client.wire.closed.wait()
        sideband.add_text("x" * 300_000)
        await sideband.until("conversation.item.done")


async def test_a_picture_over_the_sideband_is_described(emulator: Emulator) -> None:
    async with call(emulator.url, TEXT) as client, client.sideband() as sideband:
        content = [{"type": "input_image", "image_url": red_square()}]
        item = {"type": "message", "role": "user", "content": content}
        sideband.send("conversation.item.create", item=item)
        sideband.send("response.create")
        answer = await sideband.until("response.output_text.done")
    assert "I see a picture" in answer["text"]
    assert "red" in answer["text"]


async def test_ten_calls_talk_at_once(emulator: Emulator) -> None:
    async def talk(number: int) -> str:
        async with call(emulator.url, TEXT) as client:
            client.wire.say(f"add {number} and {number}")
            return str((await client.wire.until("response.output_text.done"))["text"])

    async with asyncio.TaskGroup() as group:
        talks = [group.create_task(talk(number)) for number in range(1, 11)]
    assert talks[3].result() == "Four plus four is eight."
    assert len({task.result() for task in talks}) == 10


async def test_expired_session_is_announced_and_closed_going_away() -> None:
    async with (
        running(Options(session_seconds=1.2)) as emulator,
        call(emulator.url, TEXT) as client,
        client.sideband() as sideband,
    ):
        error = (await sideband.until("error"))["error"]
        async with asyncio.timeout(PATIENCE):
            await sideband.closed.wait()
            await client.wire.closed.wait()
    assert error["code"] == "session_expired"
    assert sideband.socket is not None
    assert sideband.socket.close_code == 1001


async def test_silent_client_is_reaped() -> None:
    async with (
        running(Options(media_timeout=1.0)) as emulator,
        call(emulator.url, TEXT) as client,
        client.sideband() as sideband,
    ):
        sender = client.pc.getSenders()[0]
        await sender.stop()  # no RTP any more, ICE goes on
        async with asyncio.timeout(PATIENCE):
            await sideband.closed.wait()
        assert (await client.record())["ended"] == "no media"


async def test_call_without_any_network_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends see no address but 127.0.0.1, as on a machine with nothing but `lo`."""
    addresses = ["127.0.0.1"]  # what our client does about it
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: addresses)
    async with running(Options()) as emulator:
        real_open = emulator.board.open

        async def open_without(offer: str, session: Json, key: str) -> tuple[str, str]:
            addresses.clear()  # the emulator has to help itself
            return await real_open(offer, session, key)

        monkeypatch.setattr(emulator.board, "open", open_without)
        async with call(emulator.url, TEXT) as client:
            hosts = [line.split()[4] for line in client.answer.splitlines() if "typ host" in line]
            assert set(hosts) == {"127.0.0.1"}
            client.wire.say("hello")
            await client.wire.until("response.done")


async def test_plain_websocket_session_hears_and_speaks_events(emulator: Emulator) -> None:
    async with (
        aiohttp.ClientSession() as http,
        socket_wire(http, f"{emulator.url}/realtime?model=gpt-realtime") as wire,
    ):
        assert (await wire.until("session.created"))["session"]["model"] == "gpt-realtime"
        wire.say("count from one to three")
        await wire.until("response.done")
    sound = [e["delta"] for e in wire.events if e["type"] == "response.output_audio.delta"]
    assert len("".join(sound)) > 48_000  # more than a second of base64
    assert transcript(wire.events) == "One. Two. Three."
    assert not any(name.startswith("output_audio_buffer") for name in wire.types())


async def test_stopping_the_emulator_ends_its_calls() -> None:
    async with running(Options()) as emulator:
        stack = call(emulator.url, TEXT)
        client = await stack.__aenter__()
        sideband = client.sideband()
        wire: Wire = await sideband.__aenter__()
    async with asyncio.timeout(PATIENCE):
        await wire.closed.wait()
        await client.wire.closed.wait()
    await sideband.__aexit__(None, None, None)
    await stack.__aexit__(None, None, None)


def red_square() -> str:
    """A PNG of 64 by 48 red pixels, as a data URL."""
    rows = (b"\0" + b"\xdc\0\0" * 64) * 48
    header = struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
