import av

from appliance.media.convert import Converter
from appliance.media.opus import FRAME_BYTES, OpusEncoder
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
