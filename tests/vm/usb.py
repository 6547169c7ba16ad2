"""USB devices that live on the host and are plugged into the test machine.

The machine's kernel speaks USB/IP (its Documentation/usb/usbip_protocol.rst) over the wire to a thread here, so its own
drivers bind to a device as to any that is plugged in, and lose it as they lose any whose cable is pulled. Chapters are
those of the USB 2.0 specification.
"""  # noqa: E501

import heapq
import itertools
import selectors
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from tests.vm.machine import HOST, Machine

FULL_SPEED, HIGH_SPEED = 2, 3  # enum usb_device_speed of the kernel
BROKEN_PIPE, CONNECTION_RESET = (
    -32,
    -104,
)  # how the kernel calls a stall, and a transfer called back
FRAME_S: Final = 1e-3  # 5.12.4.1.1: one full-speed frame
LATE_S: Final = 0.05  # a stream that rested starts anew from now

_SUBMIT = struct.Struct(
    ">5I5i8s"
)  # command seqnum devid direction ep, flags length frame packets interval, setup
_RETURN = struct.Struct(">5I5i8x")  # the same five, then status actual frame packets errors
_PACKET = struct.Struct(">4i")  # offset, length, actual length, status
_CMD_SUBMIT, _CMD_UNLINK, _RET_SUBMIT, _RET_UNLINK = 1, 2, 3, 4

GET_DESCRIPTOR = 6  # table 9-4
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5  # table 9-5


def descriptor(kind: int, layout: str, *values: object) -> bytes:
    """Return a descriptor: its length, its kind, and the rest packed as `layout` says."""
    body = struct.pack("<" + layout, *values)
    return bytes([len(body) + 2, kind]) + body


def interface(number: int, setting: int, endpoints: int, *kind: int) -> bytes:
    """Return an interface descriptor (table 9-12). `kind`: class and subclass."""
    return descriptor(INTERFACE, "7B", number, setting, endpoints, *kind, 0, 0)


@dataclass(slots=True)
class Transfer:
    """What the machine wants: `out` to the device, or `length` bytes from it."""

    number: int
    endpoint: int
    inward: bool
    length: int
    frame: int
    setup: bytes
    out: bytes
    packets: list[int] = field(default_factory=list)  # lengths, of an isochronous transfer


@dataclass(frozen=True, slots=True)
class Request:
    """A control request (9.3)."""

    kind: int
    number: int
    value: int
    index: int
    length: int


class Device(ABC):
    """A USB device. Its transfers are answered on a thread of its own while it is plugged in."""

    speed = FULL_SPEED
    kind = (0, 0, 0)  # class, subclass, protocol
    name = "Test device"
    product = 1
    interfaces = 1

    def __init__(self) -> None:
        self._cable: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._waiting: dict[int, Transfer] = {}
        self._due: list[tuple[float, int, int]] = []  # time, order, number of a transfer
        self._order = itertools.count()
        self._clocks: dict[tuple[int, bool], float] = {}

    def plug(self, machine: Machine, namespace: str = "") -> None:
        """Put the cable in. The kernel takes a second to find its driver.

        `namespace`: the network namespace in which the machine has the wire, if not in its own.
        """
        assert self._cable is None, "it is plugged in already"
        with socket.create_server((HOST, 0)) as server:
            server.settimeout(30)
            port = server.getsockname()[1]
            place = f"ip netns exec {namespace} " if namespace else ""
            machine.run(f"{place}python3 /run/host/attach.py {HOST} {port} {self.speed}")
            self._cable, _ = server.accept()
        self._cable.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waiting.clear()
        self._due.clear()
        self._clocks.clear()
        self._thread = threading.Thread(target=self._serve, args=(self._cable,), name=self.name)
        self._thread.start()

    def unplug(self) -> None:
        """Pull the cable, in the middle of whatever goes on."""
        stream, self._cable = self._cable, None
        if stream is not None and self._thread is not None:
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            stream.close()

    @abstractmethod
    def configuration(self) -> bytes:
        """Return all descriptors behind the configuration's own."""

    def request(self, _request: Request, _out: bytes) -> bytes | None:
        """Answer a request of the device's class; None: it has no such thing."""
        return None

    def give(self, endpoint: int, size: int) -> bytes:
        """Return up to `size` bytes of a packet to the machine."""
        raise NotImplementedError

    def take(self, endpoint: int, data: bytes) -> None:
        """Receive what the machine sends."""
        raise NotImplementedError

    def due(self, transfer: Transfer) -> float:
        """Return when a transfer ends, in monotonic seconds: one packet a frame, one after another."""  # noqa: E501
        now = time.monotonic()
        clock = self._clocks.get((transfer.endpoint, transfer.inward), 0.0)
        end = (clock if clock > now - LATE_S else now) + len(transfer.packets) * FRAME_S
        self._clocks[transfer.endpoint, transfer.inward] = end
        return end

    # -- the wire

    def _serve(self, stream: socket.socket) -> None:
        pending = bytearray()
        with selectors.DefaultSelector() as ready, suppress(OSError):
            ready.register(stream, selectors.EVENT_READ)
            while True:
                while self._due and self._due[0][0] <= time.monotonic():
                    if (
                        transfer := self._waiting.pop(heapq.heappop(self._due)[2], None)
                    ) is not None:
                        stream.sendall(self._finished(transfer))
                if not ready.select(self._due[0][0] - time.monotonic() if self._due else None):
                    continue
                if not (chunk := stream.recv(1 << 20)):
                    return
                pending += chunk
                while used := self._accept(stream, pending):
                    del pending[:used]

    def _accept(self, stream: socket.socket, pending: bytearray) -> int:
        """Take one command off `pending`; how many bytes it had, 0 if it is not complete."""
        if len(pending) < _SUBMIT.size:
            return 0
        command, number, _, inward, endpoint, flags, length, frame, packets, _, setup = (
            _SUBMIT.unpack_from(pending)
        )
        if command == _CMD_UNLINK:  # the flags' place holds which transfer
            status = CONNECTION_RESET if self._waiting.pop(flags, None) else 0
            stream.sendall(_RETURN.pack(_RET_UNLINK, number, 0, 0, 0, status, 0, 0, 0, 0))
            return int(_SUBMIT.size)
        packets = max(0, packets)
        begin = _SUBMIT.size + (0 if inward else length)
        end: int = begin + packets * _PACKET.size
        if len(pending) < end:
            return 0
        lengths = [
            _PACKET.unpack_from(pending, begin + at * _PACKET.size)[1] for at in range(packets)
        ]
        out = bytes(pending[_SUBMIT.size : begin])
        transfer = Transfer(number, endpoint, bool(inward), length, frame, setup, out, lengths)
        if endpoint == 0:
            stream.sendall(self._finished(transfer))
        else:
            self._waiting[number] = transfer
            heapq.heappush(self._due, (self.due(transfer), next(self._order), number))
        return end

    def _finished(self, transfer: Transfer) -> bytes:
        """Carry a transfer out and return the answer for the wire."""
        status, parts = 0, [b""]
        if transfer.endpoint == 0:
            answer = self._control(transfer)
            status, parts = (
                (BROKEN_PIPE, [b""]) if answer is None else (0, [answer[: transfer.length]])
            )
        elif not transfer.inward:
            self.take(transfer.endpoint, transfer.out)
        else:
            sizes = transfer.packets or [transfer.length]
            parts = [self.give(transfer.endpoint, size)[:size] for size in sizes]
        back = b"".join(parts) if transfer.inward else b""
        actual = len(back) if transfer.inward else len(transfer.out)
        actuals = [len(part) for part in parts] if transfer.inward else transfer.packets
        offsets = itertools.accumulate(transfer.packets, initial=0)
        tail = b"".join(
            _PACKET.pack(offset, length, done, 0)
            for offset, length, done in zip(offsets, transfer.packets, actuals, strict=False)
        )
        head = _RETURN.pack(
            _RET_SUBMIT, transfer.number, 0, 0, 0, status, actual, transfer.frame, len(transfer.packets), 0  # noqa: E501
        )  # fmt: skip
        return head + back + tail

    def _control(self, transfer: Transfer) -> bytes | None:
        request = Request(*struct.unpack("<BBHHH", transfer.setup))
        if request.kind & 0x60:  # table 9-2: not a standard request
            return self.request(request, transfer.out)
        if request.number == GET_DESCRIPTOR:
            return self._described(request.value >> 8, request.value & 0xFF)
        return b"\0\0" if transfer.inward else b""

    def _described(self, kind: int, index: int) -> bytes | None:
        words = ("Voice Appliance tests", self.name, f"T{self.product:04}")
        if kind == DEVICE:  # 0x1209, 0x0001..: pid.codes' identifiers for tests
            return descriptor(
                DEVICE, "H4B3H4B", 0x200, *self.kind, 64, 0x1209, self.product, 0x100, 1, 2, 3, 1
            )
        if kind == CONFIGURATION:
            rest = self.configuration()
            return (
                descriptor(CONFIGURATION, "H5B", 9 + len(rest), self.interfaces, 1, 0, 0x80, 50)
                + rest
            )
        if kind == STRING and index == 0:
            return descriptor(STRING, "H", 0x0409)  # English
        if kind == STRING and index <= len(words):
            text = words[index - 1].encode("utf-16-le")
            return bytes([len(text) + 2, STRING]) + text
        return None
