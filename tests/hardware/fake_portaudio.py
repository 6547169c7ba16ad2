"""A machine whose cards can be pulled out and plugged in, as PortAudio 19.6 shows it.

The list is frozen while PortAudio is initialised; a stream of a card that is gone stops calling
back, says nothing, and stays active. In place of `pyaudio.PyAudio`.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from functools import partial, partialmethod
from pathlib import Path

import pyaudio
import pytest

from appliance.hardware import portaudio, stream
from appliance.hardware.alsa import AlsaCard, half_plugged, read_cards
from appliance.hardware.cards import vanished
from appliance.hardware.first_cards import FirstCards
from appliance.hardware.portaudio import found
from appliance.hardware.stream import Callback
from tests.hardware.cards_tree import Plugged, build

_BLOCK = 0.01  # s
_NO_SUCH_DEVICE = -9996  # portaudio.h: paInvalidDevice
_HOST_ERROR = -9999  # portaudio.h: paUnanticipatedHostError
_TIMES = {"output_buffer_dac_time": 0.02, "current_time": 0.0}


class Machine:
    """The cards that are plugged in, under `root` as the kernel shows them."""

    def __init__(self, root: Path, *plugged: Plugged) -> None:
        self.root = root
        self.listed: asyncio.Queue[None] = asyncio.Queue()
        """Each time that PortAudio was initialised."""
        self._loop = asyncio.get_running_loop()
        self.held: set[str] = set()
        """The ids of cards that another program has open."""
        self.stuck: set[str] = set()
        """The ids of cards that are listed, and do not open."""
        self.streams: list[Stream] = []
        self._slots: list[Plugged | None] = []
        self.plug(*plugged)

    def plug(self, *plugged: Plugged) -> None:
        """Have these plugged in, and no others; who stays keeps the number."""
        self._slots = [slot if slot in plugged else None for slot in self._slots]
        for card in plugged:
            if card not in self._slots:
                free = self._slots.index(None) if None in self._slots else len(self._slots)
                self._slots[free : free + 1] = [card]
        build(self.root, self._slots)
        ids = {card.id for card in plugged}
        for one in self.streams:
            one.pulled |= not ids.issuperset(one.ids)

    @property
    def sounding(self) -> set[str]:
        """The ids of all cards with an open stream."""
        return {card_id for one in self.streams if not one.closed for card_id in one.ids}

    def add(self, one: "Stream") -> None:
        self.streams.append(one)

    def look(self) -> list[AlsaCard]:
        """Return what PortAudio finds when it is initialised. Any thread."""
        self._loop.call_soon_threadsafe(self.listed.put_nowait, None)
        return [card for card in read_cards(self.root).values() if card.id not in self.held]

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this be what PortAudio and the kernel show."""
        monkeypatch.setattr(pyaudio, "PyAudio", partial(PyAudio, self))
        monkeypatch.setattr(portaudio, "_require_configuration", lambda: None)
        monkeypatch.setattr(stream, "found", partial(found, root=self.root))
        monkeypatch.setattr(stream, "vanished", partial(vanished, root=self.root))
        back = partialmethod(FirstCards.back, self.root)
        monkeypatch.setattr(FirstCards, "back", back)
        monkeypatch.setattr(portaudio, "half_plugged", partial(half_plugged, self.root))


class PyAudio:
    """PortAudio from its start to its end: what is plugged in later it does not know."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._cards = machine.look()

    def get_default_input_device_info(self) -> Mapping[str, object]:
        raise OSError("No Default Input Device Available")

    def get_default_output_device_info(self) -> Mapping[str, object]:
        raise OSError("No Default Output Device Available")

    def get_device_count(self) -> int:
        return len(self._cards)

    def get_device_info_by_index(self, index: int) -> Mapping[str, object]:
        card = self._cards[index]
        return {
            "index": index,
            "name": f"{card.name}: Audio (hw:{card.number},0)",
            "maxInputChannels": int(card.has("input")),
            "maxOutputChannels": 2 * int(card.has("output")),
            "defaultSampleRate": 48_000.0,
        }

    def open(
        self,
        *,
        stream_callback: Callback,
        frames_per_buffer: int,
        channels: int,
        input_device_index: int | None,
        output_device_index: int | None,
        **_format: object,
    ) -> "Stream":
        indices = {input_device_index, output_device_index} - {None}
        ids = [self._cards[index].id for index in indices if index is not None]
        if not {card.id for card in read_cards(self._machine.root).values()}.issuperset(ids):
            raise OSError(_NO_SUCH_DEVICE, "Invalid device")
        if not self._machine.stuck.isdisjoint(ids):
            raise OSError(_HOST_ERROR, "Unanticipated host error")
        silence = None if input_device_index is None else bytes(2 * channels * frames_per_buffer)
        opened = Stream(
            ids, frames_per_buffer, lambda: stream_callback(silence, frames_per_buffer, _TIMES, 0)
        )
        self._machine.add(opened)
        return opened

    def terminate(self) -> None:
        self._cards.clear()


class Stream:
    """Calls back from a thread of its own until its card is pulled, or it is closed."""

    def __init__(self, ids: list[str], frames: int, call_back: Callable[[], object]) -> None:
        """`frames`: how many it brings, or wants, in each callback."""
        self.ids = ids
        self.frames = frames
        self.pulled = self.closed = False
        self._call_back = call_back
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake PortAudio", daemon=True)

    def start_stream(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(_BLOCK):
            if not self.pulled:
                self._call_back()

    def is_active(self) -> bool:
        return not self.closed

    def get_input_latency(self) -> float:
        return 0.01

    def get_output_latency(self) -> float:
        return 0.02

    def close(self) -> None:
        self.closed = True
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
