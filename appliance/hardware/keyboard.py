"""The keys of a terminal as the panel: what is pressed there passes as a press of a button."""

import asyncio
import atexit
import codecs
import logging
import os
import re
import signal
import sys
import termios
import tty
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias

from typing_extensions import override

from appliance.core.gestures import Button, Edge
from appliance.core.lights import Pattern
from appliance.errors import DeviceError
from appliance.ports import Panel

log = logging.getLogger(__name__)

TAP: Final = 0.1  # s; a terminal tells no release, so we let go after the time of a short press
MUTE_HOLD: Final = 1.2  # s; holding the photo button for 1 to 5 s mutes
EDGES_KEPT: Final = 64
READ_SIZE: Final = 1024  # bytes; a paste
HINT: Final = "c call · p photo · m mute"  # for whoever shows the keys

KEYS: Final = {
    "c": (Button.CALL, TAP),
    "p": (Button.PHOTO, TAP),
    "m": (Button.PHOTO, MUTE_HOLD),
}
END_OF_INPUT: Final = "\x04"  # what `unknown` gets when the input ends, as from Ctrl-D
_ENTER, _ESCAPE, _RUB_OUT, _CLEAR = "\r\n", "\x1b", "\x7f\b", "\x15"

_SEQUENCE: Final = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]")  # arrow and function keys (ECMA-48)

_Modes: TypeAlias = list[Any]  # as termios gives them


class KeyboardPanel(Panel):
    """Reads single keys from a terminal, without echo; Ctrl-C, Ctrl-Z and `fg` work as ever.

    Opening, on the running loop, changes the terminal's mode; closing, or the end of the process,
    restores it. `unknown` is called on the loop with every key that is not a
    button's, and with END_OF_INPUT. `source`: a descriptor, or standard input; it may be a pipe.
    """

    def __init__(
        self, unknown: Callable[[str], None] = lambda _: None, source: int | None = None
    ) -> None:
        self._unknown = unknown
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._edges: deque[Edge] = deque(maxlen=EDGES_KEPT)
        self._came = asyncio.Event()
        self._held: dict[Button, asyncio.TimerHandle] = {}
        self._line: _Line | None = None
        self._open = False
        self._fd = -1
        self._modes: _Modes | None = None
        self.pattern: Pattern | None = None

    @override
    def open(self) -> None:
        if self._open:
            return
        self._open = True
        self._loop = asyncio.get_running_loop()
        fd = _descriptor(self._source)
        if fd is None:
            log.debug("there is no keyboard here")
            return
        if os.isatty(fd):
            self._modes = termios.tcgetattr(fd)
            atexit.register(self._restore)
            self._fd = fd
            self._take_keys()
            self._loop.add_signal_handler(signal.SIGCONT, self._take_keys)
        try:
            self._loop.add_reader(fd, self._read)
        except OSError:  # a file, /dev/null, closed: epoll takes only what can wait
            log.debug("standard input is no keyboard")
        self._fd = fd

    @override
    def close(self) -> None:
        self._open = False
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
        if self._modes is not None:
            self._loop.remove_signal_handler(signal.SIGCONT)
        for timer in self._held.values():
            timer.cancel()
        self._held.clear()
        if self._line is not None:
            self._line.done.cancel()
        self._restore()
        self._fd = -1

    @override
    async def edges(self) -> AsyncIterator[Edge]:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._edges:
                yield self._edges.popleft()

    @override
    def show(self, pattern: Pattern) -> None:
        self.pattern = pattern  # the terminal view draws it

    async def read_line(self, changed: Callable[[str], None] = lambda _: None) -> str | None:
        """Take keys as text until Enter; None after Escape or the end of the input.

        `changed` gets the text so far at every key, to be shown. Cancelling is safe.
        """
        if self._line is not None:
            raise DeviceError("A line is being typed already.")
        self._line = _Line(changed, self._loop.create_future())
        try:
            return await self._line.done
        finally:
            self._line = None

    def press(self, button: Button, hold: float = TAP) -> None:
        """Press a button for `hold` seconds; nothing while it is down."""
        if button in self._held:
            return
        self._put(Edge(button, pressed=True, at=self._loop.time()))
        self._held[button] = self._loop.call_later(hold, self._let_go, button)

    def _let_go(self, button: Button) -> None:
        del self._held[button]
        self._put(Edge(button, pressed=False, at=self._loop.time()))

    def _put(self, edge: Edge) -> None:
        self._edges.append(edge)
        self._came.set()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            self._loop.remove_reader(self._fd)
            self._key(END_OF_INPUT)
            return
        for key in _SEQUENCE.sub("", self._decoder.decode(data)):
            self._key(key)

    def _key(self, key: str) -> None:
        if self._line is not None:
            self._line.key(key)
        elif key in KEYS:
            self.press(*KEYS[key])
        else:
            self._unknown(key)

    def _take_keys(self) -> None:
        """Get each key at once. Also called after a stop: the shell had its own modes meanwhile."""
        if not _in_background(self._fd):
            tty.setcbreak(self._fd, termios.TCSADRAIN)

    def _restore(self) -> None:
        """Give the terminal back as it was. Also called at the end of the interpreter."""
        atexit.unregister(self._restore)
        modes, self._modes = self._modes, None
        if modes is None or _in_background(self._fd):
            return
        try:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, modes)
        except termios.error:  # the terminal was closed before us
            log.debug("the terminal is gone")


class _Line:
    """A line of text on its way in."""

    def __init__(self, changed: Callable[[str], None], done: asyncio.Future[str | None]) -> None:
        self._changed = changed
        self._text = ""
        self.done = done

    def key(self, key: str) -> None:
        if self.done.done():
            return  # the rest of a paste is text, not buttons
        if key in _ENTER:
            self.done.set_result(self._text)
            return
        if key in {_ESCAPE, END_OF_INPUT}:
            self.done.set_result(None)
            return
        if key in _RUB_OUT:
            self._text = self._text[:-1]
        elif key == _CLEAR:
            self._text = ""
        elif key.isprintable():
            self._text += key
        self._changed(self._text)


def _descriptor(source: int | None) -> int | None:
    """Return the descriptor to read; None if there is none, or it belongs to another job."""
    try:
        fd = sys.stdin.fileno() if source is None else source
        is_terminal = os.isatty(fd)
    except (OSError, ValueError, AttributeError):  # closed, or replaced by something else
        return None
    return None if is_terminal and _in_background(fd) else fd


def _in_background(fd: int) -> bool:
    """Whether the terminal is another job's: using it would stop us (SIGTTIN, SIGTTOU)."""
    try:
        return os.tcgetpgrp(fd) != os.getpgrp()
    except OSError:  # not the terminal of this session: it stops nobody
        return False
