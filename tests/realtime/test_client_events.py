import json
from typing import Any

import msgspec
import pytest

from appliance.realtime.client_events import (
    ClientEvent,
    FunctionCallOutput,
    InputAppend,
    InputClear,
    InputCommit,
    InputImage,
    InputText,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    Message,
    OutputClear,
    OutputText,
    ResponseCancel,
    ResponseCreate,
    ResponseOptions,
    SessionUpdate,
    data_url,
    encode,
)
from tests.realtime.wire import samples

Events = (
    SessionUpdate
    | ItemCreate
    | ItemDelete
    | ItemRetrieve
    | ItemTruncate
    | InputAppend
    | InputCommit
    | InputClear
    | OutputClear
    | ResponseCreate
    | ResponseCancel
)


@pytest.mark.parametrize(
    "frame",
    [pytest.param(frame, id=f"{at} {frame['type']}") for at, frame in enumerate(samples("client"))],
)
def test_sample_is_what_we_encode(frame: dict[str, Any]) -> None:
    event: ClientEvent = msgspec.json.decode(json.dumps(frame), type=Events)
    assert json.loads(encode(event)) == frame


def test_samples_contain_every_client_event() -> None:
    types = {event.__struct_config__.tag for event in Events.__args__}
    assert {frame["type"] for frame in samples("client")} == types
    assert len(types) == 11


def test_nothing_optional_is_sent_unasked() -> None:
    assert json.loads(encode(ResponseCreate())) == {"type": "response.create"}
    assert json.loads(encode(ResponseCancel())) == {"type": "response.cancel"}
    assert json.loads(encode(OutputClear())) == {"type": "output_audio_buffer.clear"}


def test_item_keeps_its_role_and_order() -> None:
    content = (InputText("what is it"), InputImage(data_url(b"\xff\xd8\xff")))
    message = Message(role="user", content=content, id="i_1")
    assert json.loads(encode(ItemCreate(message, previous_item_id="root", event_id="e_1"))) == {
        "type": "conversation.item.create",
        "event_id": "e_1",
        "previous_item_id": "root",
        "item": {
            "type": "message",
            "id": "i_1",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what is it"},
                {
                    "type": "input_image",
                    "image_url": "data:image/jpeg;base64,/9j/",
                    "detail": "auto",
                },
            ],
        },
    }


def test_output_is_text_even_when_it_is_json() -> None:
    event = ItemCreate(FunctionCallOutput(call_id="c", output='{"sum": 7}'))
    assert json.loads(encode(event))["item"] == {
        "type": "function_call_output",
        "call_id": "c",
        "output": '{"sum": 7}',
    }


def test_history_of_the_assistant_is_output_text() -> None:
    event = ItemCreate(Message(role="assistant", content=(OutputText("Hi."),)))
    content = json.loads(encode(event))["item"]["content"]
    assert content == [{"type": "output_text", "text": "Hi."}]


def test_options_of_a_response() -> None:
    event = ResponseCreate(response=ResponseOptions(instructions="Greet."))
    assert json.loads(encode(event))["response"] == {"instructions": "Greet."}
    assert json.loads(encode(ResponseCreate(response=ResponseOptions())))["response"] == {}


def test_frames_are_text() -> None:
    text = encode(ItemCreate(Message(role="user", content=(InputText("Grüße"),))))
    assert isinstance(text, str)
    assert "Grüße" in text
