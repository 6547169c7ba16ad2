"""HTTP handlers of a running appliance: status, transcript, events, and wishes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec
from aiohttp import web

from appliance.console.views import (
    ErrorView,
    SayRequest,
    SelfTestRequest,
    Status,
    VolumeRequest,
    view,
    view_line,
    view_model,
)
from appliance.core.events import Dial, Event, HangUp, Say, SetVolume, TakePhoto, ToggleMute
from appliance.core.machine import transition
from appliance.core.model import Capture, Dialing, HangingUp, Live, Model
from appliance.core.words import problem_of, sentence
from appliance.errors import ApplianceError, DeviceError
from appliance.findings import Report
from appliance.hub import Hub
from appliance.realtime.conversation import Entry

log = logging.getLogger(__name__)

TEXT_LIMIT = 4096  # characters of a typed message; more than a page is a mistake
TAKEN_TIMEOUT = 10.0  # s for the machine to take one event; a slow board has seconds to load
LIVE_TIMEOUT = 30.0  # s for `?wait`: two dial attempts of at most 15 s each
PHOTO_TIMEOUT = 32.0  # s for `?wait`: the camera may take 30 by its setting, the album the rest
HEARTBEAT = 15.0  # s between comments on a quiet event stream, to notice readers that left


class SelfTest(Protocol):
    """Tests the sound."""

    async def __call__(self, *, save: bool) -> Report:
        """See Assembly.selftest."""
        ...


Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def at_once() -> None:
    """Wait for nothing: there is nothing to be kept."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """All that the console may see and do of the appliance behind it.

    `settled`: returns once what was changed survives a power cut, or raises DeviceError; an answer
    waits for it.
    """

    post: Callable[[Event], None]
    hub: Hub
    status: Callable[[], Status]
    transcript: Callable[[], Sequence[Entry]]
    selftest: "SelfTest"
    settled: Callable[[], Awaitable[None]] = at_once


class Api:
    """The handlers, over one appliance. Loop thread only."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance

    def routes(self) -> list[web.RouteDef]:
        """Return every route with its handler."""
        return [
            web.get("/api/status", self.status),
            web.get("/api/transcript", self.transcript),
            web.get("/api/events", self.events),
            web.post("/api/call", self.call),
            web.post("/api/hangup", self.hang_up),
            web.post("/api/photo", self.photo),
            web.post("/api/say", self.say),
            web.post("/api/mute", self.mute),
            web.post("/api/volume", self.volume),
            web.post("/api/selftest", self.selftest),
        ]

    async def status(self, _request: web.Request) -> web.Response:
        """Answer a snapshot of everything."""
        return reply(self._appliance.status())

    async def transcript(self, _request: web.Request) -> web.Response:
        """Answer the transcript as far as it is remembered."""
        return reply([view_line(entry) for entry in self._appliance.transcript()])

    async def call(self, request: web.Request) -> web.Response:
        """Start a call; with `?wait` answer when it is live, or with what stopped it."""
        if "wait" not in request.query:
            return reply(view_model(await self._take(Dial())))
        return _outcome(await self._take(Dial(), settled=_call_settled, limit=LIVE_TIMEOUT))

    async def hang_up(self, request: web.Request) -> web.Response:
        """End the call; with `?wait` answer when it is over."""
        if "wait" not in request.query:
            return reply(view_model(await self._take(HangUp())))
        return reply(view_model(await self._take(HangUp(), settled=_no_call, limit=LIVE_TIMEOUT)))

    async def photo(self, request: web.Request) -> web.Response:
        """Have a picture taken; with `?wait` answer when it is, or with what stopped it."""
        if "wait" not in request.query:
            return reply(view_model(await self._take(TakePhoto())))
        model = await self._take(TakePhoto(), settled=_no_capture, limit=PHOTO_TIMEOUT)
        if model.notice is not None and model.notice.problem is not None:
            return refuse(502, model.notice.problem.cause, model.notice.problem.cure)
        return reply(view_model(model))

    async def say(self, request: web.Request) -> web.Response:
        """Send a typed message."""
        try:
            text = msgspec.json.decode(await request.read(), type=SayRequest).text.strip()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return refuse(400, f"The message cannot be read: {error}.", 'Send {"text": "..."}.')
        if not text or len(text) > TEXT_LIMIT:
            return refuse(400, "The message is empty or too long.", f"Up to {TEXT_LIMIT} letters.")
        return reply(view_model(await self._take(Say(text))))

    async def mute(self, _request: web.Request) -> web.Response:
        """Mute or unmute the microphone."""
        return reply(view_model(await self._take(ToggleMute())))

    async def volume(self, request: web.Request) -> web.Response:
        """Make the speaker louder or quieter."""
        try:
            percent = msgspec.json.decode(await request.read(), type=VolumeRequest).percent
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return refuse(400, f"The volume cannot be read: {error}.", 'Send {"percent": 70}.')
        model = await self._take(SetVolume(percent))
        await self._appliance.settled()
        return reply(view_model(model))

    async def selftest(self, request: web.Request) -> web.Response:
        """Test the sound; answer what was found."""
        try:
            save = msgspec.json.decode(await request.read(), type=SelfTestRequest).save
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return refuse(400, f"The request cannot be read: {error}.", 'Send {"save": false}.')
        return reply(await self._appliance.selftest(save=save))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream what happens as server-sent events, beginning with the model."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.headers["Cache-Control"] = "no-store"
        with self._appliance.hub.reader() as reader:
            await response.prepare(request)
            await response.write(_event(view_model(self._appliance.hub.model)))
            # A reader that left shows as a reset while writing, or as cancellation.
            with suppress(ConnectionResetError):
                while True:
                    try:
                        async with asyncio.timeout(HEARTBEAT):
                            message = await anext(reader)
                    except TimeoutError:
                        await response.write(b": still here\n\n")
                    except StopAsyncIteration:
                        break
                    else:
                        await response.write(_event(view(message)))
        return response

    async def _take(
        self,
        event: Event,
        *,
        settled: Callable[[Model], bool] = lambda _model: True,
        limit: float | None = None,
    ) -> Model:
        """Post `event` and return the first model after it that is `settled`.

        `limit`: seconds after which it is the last model. None: DeviceError after TAKEN_TIMEOUT.
        """
        before = self._appliance.hub.model
        expected, _ = transition(before, event)
        with self._appliance.hub.reader() as reader, suppress(TimeoutError):
            self._appliance.post(event)
            if expected == before and settled(before):
                return before  # what changes nothing is never heard of
            async with asyncio.timeout(limit or TAKEN_TIMEOUT):
                async for message in reader:
                    if isinstance(message, Model) and settled(message):
                        return message
        if limit is None:
            raise DeviceError("The appliance did not take this in time.", "Try again.")
        return self._appliance.hub.model


def _outcome(model: Model) -> web.Response:
    if isinstance(model.phase, Live):
        return reply(view_model(model))
    if problem := problem_of(model.phase):
        return refuse(502, problem.cause, problem.cure)
    return refuse(502, f"The call did not become live. {sentence(model)}", "Try again.")


def _no_capture(model: Model) -> bool:
    return model.capture is Capture.NONE


def _call_settled(model: Model) -> bool:
    return not isinstance(model.phase, Dialing | HangingUp)


def _no_call(model: Model) -> bool:
    return not isinstance(model.phase, Dialing | Live | HangingUp)


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def reply(value: object, status: int = 200) -> web.Response:
    """Return `value` as a JSON answer."""
    return web.Response(
        body=msgspec.json.encode(value), content_type="application/json", status=status
    )


def refuse(status: int, cause: str, cure: str = "") -> web.Response:
    """Return an error answer with cause and cure."""
    return reply(ErrorView(cause, cure), status)


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure of a handler into a JSON answer with cause and cure."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return refuse(error.status, f"{request.method} {request.path}: {error.reason}.")
    except ApplianceError as error:
        return refuse(409, error.cause, error.cure)
    except Exception:  # bulkhead: a broken request must not take the appliance down
        log.exception("console request %s %s failed", request.method, request.path)
        return refuse(500, "The appliance could not do this: a bug of ours.", "See the journal.")
