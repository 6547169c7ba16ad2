import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ProtocolError
from appliance.realtime.server_events import (
    KNOWN_TYPES,
    AudioDelta,
    ServerEvent,
    TextDelta,
    TextDone,
    Unknown,
    decode,
)
from tests.realtime.wire import event, samples


def type_of(decoded: ServerEvent) -> object:
    return type(decoded).__struct_config__.tag


@pytest.mark.parametrize(
    "frame",
    [pytest.param(frame, id=f"{at} {frame['type']}") for at, frame in enumerate(samples("server"))],
)
def test_sample_decodes_as_its_type(frame: dict[str, Any]) -> None:
    decoded = decode(json.dumps(frame))
    assert type_of(decoded) == frame["type"]
    assert decoded.event_id == frame.get("event_id")


def test_samples_contain_every_type() -> None:
    assert {frame["type"] for frame in samples("server")} == KNOWN_TYPES
    assert len(KNOWN_TYPES) == 46


def test_bytes_and_text_decode_alike() -> None:
    for frame in samples("server"):
        text = json.dumps(frame, ensure_ascii=False)
        assert decode(text) == decode(text.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("response.text.delta", "response.output_text.delta"),
        ("response.text.done", "response.output_text.done"),
        ("response.audio.delta", "response.output_audio.delta"),
        ("response.audio.done", "response.output_audio.done"),
        ("response.audio_transcript.delta", "response.output_audio_transcript.delta"),
        ("response.audio_transcript.done", "response.output_audio_transcript.done"),
    ],
)
def test_beta_name_becomes_todays(old: str, new: str) -> None:
    fields = {"item_id": "i", "response_id": "r", "delta": "d", "text": "t", "transcript": "s"}
    assert event(old, **fields) == event(new, **fields)
    assert type_of(event(old, **fields)) == new


def test_unknown_type_is_kept() -> None:
    text = '{"type":"response.dance","event_id":"e","steps":[1,2]}'
    assert decode(text) == Unknown(event_id="e", name="response.dance", size=len(text))


def test_unknown_type_with_odd_id_is_kept() -> None:
    decoded = decode('{"type":"ping","event_id":7}')
    assert isinstance(decoded, Unknown)
    assert decoded.event_id is None


def test_type_may_come_last() -> None:
    decoded = decode('{"delta":"x","item_id":"i","type":"response.output_text.delta"}')
    assert decoded == TextDelta(item_id="i", delta="x")


def test_unknown_keys_are_ignored() -> None:
    plain = event("response.output_text.done", item_id="i", text="t")
    assert plain == TextDone(item_id="i", text="t")
    assert plain == event("response.output_text.done", item_id="i", text="t", extra={"a": [1]})


def test_sound_is_not_kept() -> None:
    decoded = event("response.output_audio.delta", item_id="i", delta="AAAA" * 1000)
    assert decoded == AudioDelta(item_id="i")


@pytest.mark.parametrize(
    ("frame", "path"),
    [
        ('{"type":"response.created","response":{"id":3}}', "$.response.id"),
        ('{"type":"response.done","response":{"id":"r","output":[{"id":1}]}}', "output[0].id"),
        ('{"type":"response.text.delta","item_id":[]}', "$.item_id"),
        ('{"type":"error"}', "error"),
        ('{"type":3}', "$.type"),
    ],
)
def test_malformed_event_names_its_path(frame: str, path: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(frame)
    assert path in caught.value.cause
    assert caught.value.cure


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        "{}",
        "nonsense",
        '{"type":"response.done"',
        b"\xff\xfe\x00",
        b'{"type":"error","error":{"message":"\xff"}}',
        b'{"type":"new.\xff"}',
        '{"type":"\ud800"}',
        '{"type":"error","error":{"code":NaN}}',
        '{"type":"response.text.delta","item_id":"i","x":NaN}',
        '{"type":"input_audio_buffer.speech_started","item_id":"i","audio_start_ms":1e999}',
        DEEP,
        f'{{"type":"error","error":{{}},"x":{DEEP}',
        f'{{"type":"unheard","x":{DEEP}',
        f'{{"type":"response.text.delta","item_id":"i","x":{DEEP}',
    ],
    ids=lambda frame: f"{frame[:40]!r} {len(frame)}",
)
def test_what_is_no_event_is_a_protocol_error(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame)


def test_error_text_is_short() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(json.dumps({"type": "error", "error": "x" * 10_000}))
    assert len(str(caught.value)) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every value inside a frame."""
    inner: list[tuple[Any, ...]] = [path] if path else []
    if isinstance(value, dict):
        for key, element in value.items():
            inner += paths(element, (*path, key))
    elif isinstance(value, list):
        for index, element in enumerate(value):
            inner += paths(element, (*path, index))
    return inner


@given(data=st.data())
def test_mutated_frame_is_an_event_or_a_protocol_error(data: st.DataObject) -> None:
    frame = json.loads(json.dumps(data.draw(st.sampled_from(samples("server")))))
    *parents, last = data.draw(st.sampled_from(paths(frame)))
    target = frame
    for step in parents:
        target = target[step]
    if data.draw(st.booleans()):
        del target[last]
    else:
        target[last] = data.draw(JSON)
    expect_event_or_refusal(json.dumps(frame))


@given(data=st.data())
def test_damaged_bytes_are_an_event_or_a_protocol_error(data: st.DataObject) -> None:
    frame = bytearray(json.dumps(data.draw(st.sampled_from(samples("server")))).encode())
    at = data.draw(st.integers(0, len(frame) - 1))
    cut = data.draw(st.integers(0, 4))
    frame[at : at + cut] = data.draw(st.binary(max_size=4))
    expect_event_or_refusal(bytes(frame))


def expect_event_or_refusal(frame: str | bytes) -> None:
    try:
        assert isinstance(decode(frame), ServerEvent)
    except ProtocolError as refusal:
        assert refusal.cause  # noqa: PT017 - either outcome is right, nothing else is


def test_recorded_frames_all_decode(golden_folder: Path) -> None:
    seen = 0
    for path in sorted(golden_folder.glob("recorded/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("direction") == "received":
                seen += 1
                assert type_of(decode(json.dumps(row["data"]))) == row["data"]["type"]
    assert seen > 800
