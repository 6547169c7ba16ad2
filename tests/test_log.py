"""What is logged, where it goes, and what never gets there."""

import asyncio
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from appliance.errors import ConfigError
from appliance.log import FOREIGN_LIMIT, PINNED, call_no, configure, scrub
from appliance.messages import READY

log = logging.getLogger("appliance.somewhere")

pytestmark = pytest.mark.usefixtures("own_logging")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def lines(level: str = "info", stream: io.StringIO | None = None) -> io.StringIO:
    stream = stream or io.StringIO()
    configure(level, {}, stream)
    return stream


class Journal:
    """What `systemd.journal.send` was given."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def __call__(self, message: str, **fields: Any) -> None:
        self.records.append({"MESSAGE": message, **fields})


@contextmanager
def journal_stream(path: Path) -> Iterator[tuple[TextIO, dict[str, str]]]:
    """A stream and the environment systemd would set for it."""
    with path.open("w", encoding="utf-8") as stream:
        status = os.fstat(stream.fileno())
        yield stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    pytest.importorskip("systemd.journal")
    sent = Journal()
    with journal_stream(tmp_path / "stderr") as (stream, environ):
        configure("debug", environ, stream, sent)
        yield sent


def test_a_line_says_when_how_bad_and_what() -> None:
    stream = lines()
    log.warning("The %s is gone.", "camera")
    time, level, text = stream.getvalue().rstrip().split(" ", 2)
    assert len(time) == len("12:34:56")
    assert (level, text.strip()) == ("WARNING", "The camera is gone.")


def test_the_level_is_kept() -> None:
    stream = lines("warning")
    log.info("quiet")
    assert stream.getvalue() == ""


def test_an_unknown_level_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError):
        configure("loud", {}, io.StringIO())


def test_a_terminal_gets_colours_and_a_file_does_not() -> None:
    terminal = lines(stream=Terminal())
    log.warning("red")
    assert "\x1b[33m" in terminal.getvalue()
    file = lines()
    log.warning("plain")
    assert "\x1b" not in file.getvalue()


def test_no_color_is_respected() -> None:
    stream = Terminal()
    configure("info", {"NO_COLOR": ""}, stream)
    log.warning("plain")
    assert "\x1b" not in stream.getvalue()


def test_upper_case_extras_are_fields_of_a_line() -> None:
    stream = lines()
    log.info("Call ended.", extra={"DURATION_MS": 1200, "private": "no"})
    assert stream.getvalue().endswith("Call ended.  [DURATION_MS=1200]\n")


async def test_every_record_of_a_call_carries_its_number() -> None:
    stream = lines()

    async def call(number: int) -> None:
        call_no.set(number)
        log.info("from inside")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(call(7))
        tasks.create_task(call(8))
    log.info("from outside")
    first, second, last = stream.getvalue().splitlines()
    assert first.endswith("[CALL_NO=7]")
    assert second.endswith("[CALL_NO=8]")
    assert last.endswith("from outside")


def test_a_given_call_number_is_not_replaced() -> None:
    stream = lines()
    token = call_no.set(7)
    log.info("about another", extra={"CALL_NO": 3})
    call_no.reset(token)
    assert stream.getvalue().endswith("[CALL_NO=3]\n")


KEY = "sk-proj-" + "abcDEF0123456789_-" * 4


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"key {KEY} refused", "key *** refused"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("ek_68af296e8e408191a1120ab6383263c2", "***"),
        ("a=ice-pwd:x1234567890123456789012", "a=ice-pwd:***"),
        ("a=fingerprint:sha-256 AB:CD:EF", "a=fingerprint:***"),
        ("a desk-lamp on the risk-averse task-force", "a desk-lamp on the risk-averse task-force"),
    ],
)
def test_secrets_are_struck_out_and_words_are_not(said: str, kept: str) -> None:
    assert scrub(said) == kept


def test_no_way_into_a_record_leads_a_secret_out(journal: Journal) -> None:
    try:
        int(f"bad header Bearer {KEY}")
    except ValueError:
        log.exception("with %s and %r", KEY, {"key": KEY}, extra={"PROBLEM": KEY})
    assert KEY not in repr(journal.records)
    assert "ValueError" in repr(journal.records)


def test_foreign_text_is_cut() -> None:
    stream = lines()
    log.info("The service says %s", "blah " * 1000, extra={"PROBLEM": "x" * 1000})
    assert len(stream.getvalue()) < 3 * FOREIGN_LIMIT


def test_a_wrong_number_of_arguments_loses_nothing() -> None:
    stream = lines()
    log.info("only %s", "one", "two")  # noqa: PLE1205 - the mistake under test
    assert "two" in stream.getvalue()


def test_mapping_arguments_work() -> None:
    stream = lines()
    log.info("%(what)s is open", {"what": "the microphone"})
    assert "the microphone is open" in stream.getvalue()


@pytest.mark.parametrize("name", PINNED)
def test_libraries_that_tell_too_much_are_pinned_even_at_debug(name: str) -> None:
    stream = lines("debug")
    logging.getLogger(f"{name}.client").debug("> Authorization: Basic something")
    logging.getLogger(name).info("chatter")
    assert stream.getvalue() == ""
    logging.getLogger(name).warning("trouble")
    assert "trouble" in stream.getvalue()


def test_python_warnings_are_logged() -> None:
    stream = lines()
    logging.getLogger("py.warnings").warning("deprecated")
    assert "deprecated" in stream.getvalue()


def test_the_journal_gets_fields(journal: Journal) -> None:
    log.info("Call ended.", extra={"CALL_NO": 3, "DURATION_MS": 1200, "private": 1})
    record = journal.records[-1]
    assert record["MESSAGE"] == "Call ended."
    assert (record["CALL_NO"], record["DURATION_MS"]) == (3, 1200)
    assert record["PRIORITY"] == "6"
    assert record["SYSLOG_IDENTIFIER"] == "voice-appliance"
    assert record["LOGGER"] == "appliance.somewhere"
    assert all(key.isupper() for key in record)


def test_the_real_journal_call_takes_our_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """sd_journal_send says nothing where no journal listens; wrong fields it refuses anywhere."""
    pytest.importorskip("systemd.journal")
    with journal_stream(tmp_path / "stderr") as (stream, environ):
        configure("debug", environ, stream)
        log.warning("test of the journal %s", "€", extra={"CALL_NO": 1, "DURATION_MS": 1.5})
    assert capsys.readouterr().err == ""  # no "--- Logging error ---"


def test_another_processes_journal_stream_is_not_ours(tmp_path: Path) -> None:
    sent = Journal()
    with (tmp_path / "file").open("w") as stream:
        configure("info", {"JOURNAL_STREAM": "1:2"}, stream, sent)
        log.info("to the file")
    assert sent.records == []
    assert "to the file" in (tmp_path / "file").read_text()


def test_without_systemd_python_the_journal_gets_priorities(tmp_path: Path) -> None:
    """In a process of its own, where the module cannot be found."""
    code = """
import logging, os, sys
sys.modules["systemd"] = None
from appliance.log import configure
status = os.fstat(2)
configure("info", {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
logging.getLogger("x").warning("two\\nlines", extra={"CALL_NO": 4})
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=15, check=True
    )
    assert done.stderr == "<4>two\n<4>lines CALL_NO=4\n"


class RTCSctpTransport:
    """Stands for aiortc's: its retransmission fails after the transport has closed."""

    async def _transmit(self) -> None:
        raise ConnectionError("Cannot send encrypted data, not connected")

    async def _other(self) -> None:
        raise ConnectionError("a failure that is worth a line")


async def lost_exception(name: str) -> None:
    """Let a task fail that nobody awaits, as the library does."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(getattr(RTCSctpTransport(), name)())
    await asyncio.wait({task})


async def test_aiortcs_known_noise_is_no_error() -> None:
    stream = lines()
    await lost_exception("_transmit")
    assert stream.getvalue() == ""


async def test_any_other_lost_exception_is_an_error() -> None:
    stream = lines()
    await lost_exception("_other")
    assert "never retrieved" in stream.getvalue()
    assert "worth a line" in stream.getvalue()


def test_known_noise_is_kept_for_debugging() -> None:
    stream = lines("debug")
    asyncio.run(lost_exception("_transmit"))
    assert "DEBUG" in stream.getvalue()


def test_a_message_id_goes_to_the_journal_and_into_no_line(journal: Journal) -> None:
    log.info("Ready.", extra={"MESSAGE_ID": READY})
    assert journal.records[-1]["MESSAGE_ID"] == READY
    stream = lines()
    log.info("Ready.", extra={"MESSAGE_ID": READY})
    assert stream.getvalue().endswith("Ready.\n")
