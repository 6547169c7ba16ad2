"""Speech on its way out: sooner, in packets, in time, and forgotten when hushed."""

import asyncio

import av
import numpy as np
import pytest

from appliance.emulator.items import Said
from appliance.emulator.mouth import Mouth, RtpWay, quiet_lead_ms, sooner, thinned
from appliance.emulator.playout import FRAME_MS, LEAD_MS, OpusVoice, Playout, Sound, silent_packet
from appliance.emulator.voice import Speech, Voice, Word
from appliance.emulator.wire import Speak
from tests.emulator.hearing import samples, silence, tone

ORDER = Speak("resp_1", "item_1", "One. Two. Three.")


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.words: list[Said] = []
        self.done = asyncio.Event()
        self.reasons: list[str] = []

    def spoken(self, item_id: str, word: Said) -> None:
        self.words.append(word)

    def said(self, item_id: str) -> None:
        self.done.set()

    def speechless(self, item_id: str, reason: str) -> None:
        self.reasons.append(reason)
        self.done.set()

    def sound_made(self, item_id: str, audio: str) -> None:
        pass


def playout() -> tuple[Playout, list[str]]:
    told: list[str] = []
    return Playout(lambda r: told.append(f"+{r}"), lambda r: told.append(f"-{r}")), told


def drained(queue: Playout) -> int:
    """Packets until silence."""
    count = 0
    while queue.next() is not None:
        count += 1
    return count


async def test_all_words_are_told_and_all_sound_is_queued() -> None:
    queue, told = playout()
    listener = Listener()
    mouth = Mouth(Voice(), RtpWay(queue), listener)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(mouth.run())
        mouth.speak(ORDER)
        await listener.done.wait()
        task.cancel()
    assert "".join(word.text for word in listener.words) == ORDER.text
    queue.finish("resp_1")
    assert drained(queue) * FRAME_MS == pytest.approx(listener.words[-1].end_ms, abs=4 * FRAME_MS)
    assert told == ["+resp_1", "-resp_1"]


async def test_hushed_response_says_no_more() -> None:
    queue, _ = playout()
    listener = Listener()
    mouth = Mouth(Voice(), RtpWay(queue), listener)

    def hush_after_first(item_id: str, word: Said) -> None:
        listener.words.append(word)
        mouth.hush("resp_1")

    listener.spoken = hush_after_first  # type: ignore[method-assign]
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(mouth.run())
        mouth.speak(ORDER)
        mouth.speak(Speak("resp_2", "item_2", "Four."))
        await listener.done.wait()
        task.cancel()
    assert [word.text.strip() for word in listener.words[:2]] == ["One.", "Four."]


def test_silence_before_the_first_word_is_cut_in_whole_packets() -> None:
    sound = silence(0.15, 48_000) + tone(300, 0.3, 48_000)
    assert quiet_lead_ms(sound) == 100
    assert quiet_lead_ms(silence(0.5, 48_000)) == 0
    assert quiet_lead_ms(tone(300, 0.3, 48_000)) == 0


def test_words_move_with_their_sound() -> None:
    first = Speech("Hi. ", bytes(96 * 400), (Word("Hi. ", 150, 400),), 0)
    second = Speech("Ho.", bytes(96 * 300), (Word("Ho.", 400, 700),), 400)
    assert sooner(first, 100).words == (Word("Hi. ", 50, 300),)
    assert sooner(first, 100).duration_ms == 300
    assert sooner(second, 100).words == (Word("Ho.", 300, 600),)
    assert (sooner(second, 100).start_ms, sooner(second, 100).duration_ms) == (300, 300)


def test_24_khz_is_half_as_long() -> None:
    assert len(thinned(bytes(9600))) == 4800
    assert thinned(tone(300, 0.1, 48_000))[100:110] != bytes(10)


def test_heard_counts_what_was_sent_to_a_listener() -> None:
    queue, _ = playout()
    for number in range(1, 6):
        queue.push(Sound(b"x", "resp_1", "item_1", number * FRAME_MS))
    assert queue.heard == {}  # nobody listens
    queue.live = True
    queue.next()
    queue.next()
    assert queue.heard == {"item_1": 2 * FRAME_MS}


def test_cleared_playout_tells_nothing_and_is_silent() -> None:
    queue, told = playout()
    queue.push(Sound(b"x", "resp_1", "item_1", 20))
    queue.push(Sound(b"x", "resp_1", "item_1", 40))
    queue.next()
    queue.clear()
    assert queue.next() is None
    assert told == ["+resp_1"]


def test_stopped_waits_for_the_end_of_the_response() -> None:
    queue, told = playout()
    queue.push(Sound(b"x", "resp_1", "item_1", 20))
    assert drained(queue) == 1
    assert told == ["+resp_1"]
    queue.finish("resp_1")
    queue.live = True
    queue.finish("resp_1")
    queue.next()
    assert told == ["+resp_1", "-resp_1"]


async def test_speaker_waits_for_a_slow_listener() -> None:
    queue, _ = playout()
    queue.live = True
    for number in range(LEAD_MS // FRAME_MS):
        queue.push(Sound(b"x", "resp_1", "item_1", number * FRAME_MS))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(queue.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        queue.next()
        await waiting


def test_packets_are_20_ms_of_opus() -> None:
    packets = OpusVoice().encode(tone(300, 0.5, 48_000))
    assert len(packets) == 25
    assert peak(packets) > 4000


def test_silence_is_silent() -> None:
    assert peak([silent_packet()] * 50) <= 2


def peak(packets: list[bytes]) -> int:
    """The loudest sample a listener gets."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet))]
    return max(
        int(np.abs(samples(frame.to_ndarray().tobytes()).astype(int)).max()) for frame in frames
    )
