"""Programs of the system: what they say is told, and none of them stays."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.processes import LATE, run

KEY = "sk-of-nobody"


class Line:
    """A pipe that a program holds open for as long as it or anything that it began lives."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.script = f'echo begun >"{path}"; sleep 600 >"{path}" & wait'
        self.end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    async def begun(self) -> None:
        """Return when the program runs."""
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.end, heard.set)
        await heard.wait()
        loop.remove_reader(self.end)

    def is_dead(self) -> bool:
        """Wait until nobody holds it any more."""
        os.set_blocking(self.end, True)
        while os.read(self.end, 100):
            pass
        return True


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path / "pipe")
    yield line
    os.close(line.end)


async def test_what_a_program_says_and_how_it_ends_is_told() -> None:
    assert await run(("sh", "-c", "echo out; echo err >&2; exit 4"), 5) == (4, "out\n", "err\n")
    assert (await run(("sh", "-c", "kill -9 $$"), 5)).code == -9
    assert (await run(("printf", r"\377"), 5)).out == "\N{REPLACEMENT CHARACTER}"
    assert (await run(("cat",), 5)).out == ""  # nobody types


async def test_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        await run(("no-such-program",), 5)


async def test_program_gets_our_variables_or_the_ones_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    words = (sys.executable, "-c", "import os; print(dict(os.environ))")
    assert KEY in (await run(words, 10)).out
    told = (await run(words, 10, {"LC_ALL": "C.UTF-8"})).out
    assert KEY not in told
    assert "C.UTF-8" in told


async def test_program_that_takes_too_long_is_ended_with_all_that_it_began(line: Line) -> None:
    done = await run(("sh", "-c", line.script), 0.5)
    assert done == (LATE, "", "sh took longer than 0.5 s")
    assert line.is_dead()


async def test_what_an_ended_program_left_behind_is_ended_too(line: Line) -> None:
    script = line.script.replace("sleep 600 >", "sleep 600 9>").removesuffix("wait")
    assert (await run(("sh", "-c", script), 0.5)).code == LATE  # for its output has not ended
    assert line.is_dead()


async def test_cancelled_call_leaves_nothing_behind(line: Line) -> None:
    async with asyncio.TaskGroup() as tasks:
        script = f"head -c 1000000 /dev/zero; {line.script}"  # more than is read before we listen
        running = tasks.create_task(run(("sh", "-c", script), 60))
        await line.begun()
        running.cancel()
    assert line.is_dead()
