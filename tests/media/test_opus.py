import sys
from pathlib import Path

import av
import pytest
from av.audio.codeccontext import AudioCodecContext
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from appliance.emulator.voice import user_utterance
from appliance.media import pcm
from appliance.media.convert import Converter
from appliance.media.opus import (
    BEST,
    FRAME_BYTES,
    FRAME_SAMPLES,
    GOOD,
    TIME_BASE,
    OpusDecoder,
    OpusEncoder,
    OpusLibrary,
    conceals_deeply,
    find_opus,
)
from appliance.media.packet import Packet
from appliance.media.receive import Receiver
from appliance.media.tap import tap
from tests.media.plain import packets
from tests.sound import sine, strength_of


def frames(sound: bytes) -> list[bytes]:
    return [sound[at : at + FRAME_BYTES] for at in range(0, len(sound), FRAME_BYTES)]


def test_every_frame_is_one_packet_of_20_ms_mono() -> None:
    encoder = OpusEncoder()
    for frame in frames(sine(440, 0.4)):
        packet = encoder.encode(frame)
        # RFC 6716, section 3.1: configuration (5 bits), stereo (1), frame count (2).
        first = packet[0]
        assert first >> 2 & 1 == 0
        assert first & 3 == 0
        assert first >> 3 in {1, 5, 9, 13, 15, 19, 23, 27, 31}  # the configurations of 20 ms


@pytest.mark.parametrize("copies", [True, False])
def test_settings_are_those_that_ffmpeg_calls_by_name(*, copies: bool) -> None:
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, AudioCodecContext)
    codec.sample_rate, codec.format, codec.layout = pcm.RATE, "s16", "mono"
    codec.bit_rate, codec.time_base = 32_000, TIME_BASE
    codec.options = {"application": "voip", "frame_duration": "20", "compression_level": "6"}
    codec.options = codec.options | {"cutoff": "8000"}
    if copies:
        codec.options = codec.options | {"fec": "1", "packet_loss": "10"}
    encoder = OpusEncoder(OpusLibrary(str(wheel_library())), copies=copies)
    for number, sound in enumerate(frames(sine(440, 0.5) + user_utterance("Good morning."))):
        frame = av.AudioFrame("s16", "mono", FRAME_SAMPLES)
        frame.planes[0].update(sound.ljust(FRAME_BYTES, b"\0"))
        frame.sample_rate, frame.time_base, frame.pts = pcm.RATE, TIME_BASE, number * FRAME_SAMPLES
        assert [bytes(packet) for packet in codec.encode(frame)] == [
            encoder.encode(sound.ljust(FRAME_BYTES, b"\0"))
        ]


@pytest.mark.parametrize(("full_band", "configuration"), [(False, 9), (True, 15)])
def test_a_voice_goes_out_up_to_8_khz(*, full_band: bool, configuration: int) -> None:
    """RFC 6716, section 3.1: 9 is SILK of 20 ms, wide band; 15 with CELT above it, full band."""
    encoder = OpusEncoder(full_band=full_band)
    packets = [
        encoder.encode(frame.ljust(FRAME_BYTES, b"\0"))
        for frame in frames(user_utterance("Good morning."))
    ]
    assert {packet[0] >> 3 for packet in packets[5:]} == {configuration}


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="1920 bytes"):
        OpusEncoder().encode(bytes(960))


def test_voice_fits_its_bit_rate() -> None:
    encoder = OpusEncoder()
    sizes = [len(encoder.encode(frame)) for frame in frames(sine(440, 2.0))]
    assert sum(sizes) * 8 / 2.0 < 40_000  # bit/s


def test_packets_decode_to_the_same_sound() -> None:
    encoder, converter = OpusEncoder(), Converter()
    decoder = av.CodecContext.create("libopus", "r")
    heard = b""
    for frame in frames(sine(440, 1.0)):
        for decoded in decoder.decode(av.Packet(encoder.encode(frame))):
            heard += converter.convert(decoded)
    assert strength_of(440, heard[len(heard) // 2 :]) > 0.9


# Decoding


def wheel_library() -> Path:
    (path,) = (Path(av.__file__).parent.parent / "av.libs").glob("libopus-*")
    return path


def test_our_own_build_is_taken_before_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "lib" / "voice-appliance" / "libopus.so.0"
    own.parent.mkdir(parents=True)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert find_opus().path == str(wheel_library())
    own.symlink_to(wheel_library())
    assert find_opus().path == str(own)


def test_concealment_of_a_build_without_the_network_is_told_from_one_with_it() -> None:
    assert not conceals_deeply(OpusLibrary(str(wheel_library())))
    own = Path(sys.prefix, "lib", "voice-appliance", "libopus.so.0")
    if not own.exists():
        pytest.skip("deploy/opus has not built ours: deploy/desktop setup says why")
    assert conceals_deeply(OpusLibrary(str(own)))


@pytest.fixture
def decoder() -> OpusDecoder:
    return OpusDecoder(find_opus())


def voice(seconds: float = 0.4) -> list[bytes]:
    """Return a low voice, with its copies, as packets."""
    encoder = OpusEncoder()
    sound = pcm.mix(pcm.mix(sine(140, seconds), sine(280, seconds)), sine(560, seconds))
    quieter = pcm.ramp(sound, 0.3, 0.3)
    return [encoder.encode(part) for part in packets(quieter)]


def test_what_was_encoded_is_decoded_at_its_length(decoder: OpusDecoder) -> None:
    sent = voice()
    heard = b"".join(decoder.decode(packet) for packet in sent)
    assert {decoder.duration(packet) for packet in sent} == {FRAME_SAMPLES}
    assert len(heard) == len(sent) * FRAME_BYTES
    assert strength_of(140, heard[9600:]) > 0.28  # one of three


def test_copy_of_a_lost_packet_sounds_like_it(decoder: OpusDecoder) -> None:
    sent = voice()
    whole = [decoder.decode(packet) for packet in sent]
    other = OpusDecoder(find_opus())
    for packet in sent[:10]:
        other.decode(packet)
    assert other.has_copy(sent[11])
    recovered = other.recover(sent[11], FRAME_SAMPLES)
    assert len(recovered) == FRAME_BYTES
    assert abs(pcm.level_dbfs(recovered) - pcm.level_dbfs(whole[10])) < 3
    assert strength_of(140, recovered) > 0.25


def test_part_of_a_copy_is_its_end(decoder: OpusDecoder) -> None:
    sent = voice()
    for packet in sent[:10]:
        decoder.decode(packet)
    assert len(decoder.recover(sent[11], 300)) == 600


def broken_off() -> list[bytes]:
    """Return a loud tone of 0.4 s and the silence after it, as packets of one encoder."""
    encoder = OpusEncoder()
    return [encoder.encode(part) for part in packets(sine(3000, 0.4) + bytes(2 * pcm.RATE // 5))]


def test_nothing_rings_on_in_a_decoder_that_was_reset(decoder: OpusDecoder) -> None:
    *tone, _, _, silence = broken_off()[:23]
    other = OpusDecoder(find_opus())
    for packet in tone:
        decoder.decode(packet)
        other.decode(packet)
    decoder.reset()
    assert pcm.level_dbfs(decoder.decode(silence)) < -70 < pcm.level_dbfs(other.decode(silence))


def test_voice_that_is_cleared_is_not_heard_again_in_the_silence_after_it(
    decoder: OpusDecoder,
) -> None:
    receiver, heard = Receiver(decoder), []
    for number, payload in enumerate(broken_off()):
        now = number * 0.02
        receiver.push(Packet(number, number * FRAME_SAMPLES, payload), now)
        if number == 20:  # the first packet that holds no tone, but the end of it
            receiver.clear(now, hold=0.04)
        heard += [receiver.pull(now), receiver.pull(now + 0.01)]
    assert pcm.level_dbfs(heard[39]) > -20
    assert max(map(pcm.level_dbfs, heard[41:])) < -60


def test_concealment_goes_on_and_dies_away(decoder: OpusDecoder) -> None:
    for packet in voice():
        decoder.decode(packet)
    first, *_, last = [decoder.conceal(480) for _ in range(60)]
    assert pcm.level_dbfs(first) > -30
    assert pcm.level_dbfs(last) < -50


class WatchedLibrary(OpusLibrary):
    """Notes which complexities decoders are set to."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.noted: list[int] = []

    @override
    def set_complexity(self, state: int, complexity: int) -> None:
        self.noted.append(complexity)
        super().set_complexity(state, complexity)


@pytest.mark.parametrize("lose", ["conceal", "recover"])
def test_decoder_does_its_best_from_the_first_lost_packet_on(lose: str) -> None:
    library = WatchedLibrary(find_opus().path)
    decoder = OpusDecoder(library)
    packet = OpusEncoder().encode(sine(300, 0.02))
    decoder.decode(packet)
    assert library.noted == [GOOD]
    for _ in range(2):
        decoder.conceal(480) if lose == "conceal" else decoder.recover(packet, 480)
    assert library.noted == [GOOD, BEST]


def test_complexity_that_is_asked_for_stays() -> None:
    library = WatchedLibrary(find_opus().path)
    OpusDecoder(library, 0).conceal(480)
    assert library.noted == [0]


def test_music_mode_has_no_copies(decoder: OpusDecoder) -> None:
    assert not decoder.has_copy(b"\xfc" + bytes(40))  # CELT only, 20 ms


@pytest.mark.parametrize("packet", [b"", b"\xff\xff", b"\x03", bytes(1)])
def test_packet_that_is_none_has_no_length_and_breaks_nothing(
    decoder: OpusDecoder, packet: bytes
) -> None:
    assert not decoder.has_copy(packet)
    assert isinstance(decoder.decode(packet), bytes)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    decoder = OpusDecoder(find_opus())
    length = decoder.duration(data)
    assert 0 <= length <= 5760
    if length:
        assert len(decoder.decode(data)) == 2 * length
        decoder.has_copy(data)


def test_library_says_what_it_is() -> None:
    library = find_opus()
    assert library.version.startswith("libopus 1.")
    assert Path(library.path).name.startswith("libopus") or "opus" in library.path


def test_file_that_is_no_opus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "libopus.so").write_bytes(b"no library")
    with pytest.raises(OSError, match="libopus"):
        OpusLibrary(str(tmp_path / "libopus.so"))


# The tap


def test_aiortc_that_receives_in_an_unknown_way_is_named() -> None:
    with pytest.raises(TypeError, match="aiortc 1"):
        tap(object(), lambda _: None)  # type: ignore[arg-type]
