"""A call from a real Chromium, to compare with.

`python -m tests.bench.chromium BASE_URL MICROPHONE.wav NEAR.wav FAR.wav SECONDS [clean]` speaks and
listens for so long, and writes what the page's microphone gave and what it heard, on one clock.
`clean`: with its echo canceller and noise suppression. `out` of the JSON it prints: when each 10 ms
of them was there.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
import wave
from array import array
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import WSMsgType, web

from tests.bench import weigh
from tests.bench.blocks import fitted

PAGE = Path(__file__).with_suffix(".html")
NAMES = ("chromium-headless-shell", "chromium")
PATIENCE = 30.0  # s until the page has its channel
RATE = 48_000


def executable() -> str | None:
    """Return the Chromium there is, if any."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """The server of the page, which also takes down what it hears."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.sound = bytearray()  # left: microphone, right: far end
        self.marks: list[tuple[float, int]] = []  # when how many samples of each were there
        self.failure = ""

    def app(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/events", self._events)
        return app

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.sound += message.data
                self.marks.append((time.monotonic(), len(self.sound) // 4))
            elif message.type is WSMsgType.TEXT:
                event = json.loads(message.data)
                self.failure = event.get("error", self.failure)
                if event["what"] in {"channel", "failed"}:
                    self.opened.set()
        return socket


async def main(
    base_url: str, microphone: str, near: str, far: str, seconds: str, *clean: str
) -> None:
    """Dial, stay, write the two sounds; print memory and CPU of all its processes."""
    page = Page()
    runner = web.AppRunner(page.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=1).start()
    port = runner.addresses[0][1]
    with TemporaryDirectory(prefix="voice-appliance-chromium-") as profile:
        wishes = "&".join([f"service={base_url}", *clean])
        browser = await _start(profile, microphone, f"http://127.0.0.1:{port}/?{wishes}")
        try:
            async with asyncio.timeout(PATIENCE):
                await page.opened.wait()
            if page.failure:
                raise RuntimeError(f"the page could not call: {page.failure}")
            family = _family(browser.pid)
            used = sum(map(weigh.cpu, family))
            await asyncio.sleep(float(seconds))
            found = {
                "resident": sum(map(weigh.resident, family)),
                "peak": sum(map(weigh.peak, family)),
                "call_cpu": sum(map(weigh.cpu, family)) - used,
                "at": time.monotonic(),
            }
        finally:
            with suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGKILL)  # Debian's command is a script around it
            await browser.wait()
    await runner.cleanup()
    both = array("h")
    both.frombytes(bytes(page.sound))
    for path, side in ((near, 0), (far, 1)):
        with wave.open(path, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(both[side::2].tobytes())
    print(json.dumps(found | {"out": fitted(page.marks)}))


async def _start(profile: str, microphone: str, url: str) -> asyncio.subprocess.Process:
    browser = executable()
    if browser is None:
        raise RuntimeError(f"none of {', '.join(NAMES)} is installed")
    return await asyncio.create_subprocess_exec(
        browser,
        "--headless",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        f"--user-data-dir={profile}",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
        "--allow-loopback-in-peer-connection",
        "--autoplay-policy=no-user-gesture-required",
        "--remote-debugging-port=0",  # else the headless shell prints the page and leaves
        url,
        start_new_session=True,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


def _family(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    found, at = [pid], 0
    while at < len(found):
        for task in Path(f"/proc/{found[at]}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        at += 1
    return found


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
