"""The endpoints: what they accept, what they answer, in the service's own words."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from appliance.emulator import faults
from appliance.emulator.channels import MAX_MESSAGE, Channel, SocketChannel
from appliance.emulator.keys import LONGEST, SHORTEST, USUAL, Keys
from appliance.emulator.options import Options
from appliance.emulator.schema import number
from appliance.emulator.session import DEFAULT_MODEL, checked
from appliance.emulator.switchboard import Switchboard
from appliance.emulator.wire import Ids, Json, Refusal
from appliance.errors import ConfigError

log = logging.getLogger(__name__)

MODELS: Final = (
    "gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "gpt-realtime-1.5",
    "gpt-realtime", "gpt-realtime-mini", "gpt-realtime-whisper",
)  # fmt: skip
_MODEL: Final = re.compile(r"gpt-(?:realtime|audio|4o-(?:mini-)?realtime)[\w.-]*")
_STATUS: Final = {"invalid_api_key": 401, "call_id_not_found": 404, "model_not_found": 404}
# What error codes the service has for statuses a fault asks for without naming a code.
_CODES: Final = {401: "invalid_api_key", 429: "rate_limit_exceeded", 404: "call_id_not_found"}
_MESSAGES: Final = {
    "invalid_api_key": "Incorrect API key provided.",
    "rate_limit_exceeded": "Rate limit reached. Please try again in 1s.",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing "
    "details.",
    "call_id_not_found": "No session found for the provided call_id",
}
_SERVER_ERROR: Final = "The server had an error while processing your request. Sorry about that!"
# Browsers hand over the key as a subprotocol (agents-js 0.20 source).
_KEY_PROTOCOL: Final = "openai-insecure-api-key."


class Handlers:
    """HTTP and WebSocket handlers over one switchboard."""

    def __init__(
        self, options: Options, keys: Keys, board: Switchboard, plan: faults.FaultPlan, ids: Ids
    ) -> None:
        """All shared with the process."""
        self._options = options
        self._keys = keys
        self._board = board
        self._plan = plan
        self._ids = ids

    def app(self) -> web.Application:
        """The application with all routes."""
        app = web.Application(middlewares=[_service_manners], client_max_size=4 << 20)
        app.add_routes(
            [
                web.post("/v1/realtime/calls", self.create_call),
                web.post("/v1/realtime/calls/{call_id}/hangup", self.hang_up),
                web.post("/v1/realtime/client_secrets", self.client_secret),
                web.get("/v1/models", self.models),
                web.get("/v1/realtime", self.socket),
                web.get("/emulator/calls", self.calls),
                web.get("/emulator/faults", self.list_faults),
                web.post("/emulator/faults", self.add_faults),
                web.delete("/emulator/faults", self.clear_faults),
                web.options("/{path:.*}", _preflight),
            ]
        )
        return app

    async def create_call(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/realtime/calls."""
        if self._plan.take(faults.IgnoreCall):
            await asyncio.Event().wait()  # until the client gives up
        refusal = self._plan.take(faults.RefuseCall)
        if refusal is not None:
            return _refused(refusal)
        key, configured = self._key(request)
        offer, session = await _offer(request)
        if session is None:
            session = configured or {
                "type": "realtime",
                "model": request.query.get("model", DEFAULT_MODEL),
            }
        call_id, answer = await self._board.open(offer, self._accepted(session), key)
        delay = self._plan.take(faults.DelayCall)
        if delay is not None:
            await asyncio.sleep(delay.after)
        headers = {"Location": f"/v1/realtime/calls/{call_id}"}
        if self._plan.take(faults.DoubleLocation):
            headers = {"Location": f"/v1/realtime/calls/calls/{call_id}"}
        if self._plan.take(faults.NoLocation):
            headers = {}
        # The API reference says application/sdp; recorded traffic (July 2026) says text/plain.
        return web.Response(status=201, text=answer, content_type="text/plain", headers=headers)

    async def hang_up(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/realtime/calls/{call_id}/hangup."""
        key, _ = self._key(request)
        self._board.hang_up(request.match_info["call_id"], key)
        return web.Response()

    async def client_secret(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/realtime/client_secrets."""
        self._key(request)
        body = await _json(request)
        seconds = (body.get("expires_after") or {}).get("seconds", USUAL)
        number(SHORTEST, LONGEST, whole=True)(seconds, "expires_after.seconds")
        given = body.get("session") or {"type": "realtime", "model": DEFAULT_MODEL}
        session = self._accepted(given)
        value, expires_at = self._keys.issue(session, seconds)
        full = self._board.full_session(session, self._ids.make("sess"), 0)
        return web.json_response({"value": value, "expires_at": expires_at, "session": full})

    async def models(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/models."""
        self._key(request)
        now = int(time.time())
        entries = [
            {"id": name, "object": "model", "created": now, "owned_by": "emulator"}
            for name in MODELS
        ]
        return web.json_response({"object": "list", "data": entries})

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/realtime: the sideband of a call, or a session of its own."""
        call_id = request.query.get("call_id")
        refusal = self._plan.take(faults.RefuseSideband) if call_id is not None else None
        if refusal is not None:
            return _refused(faults.RefuseCall(status=refusal.status))
        key, configured = self._key(request)
        call = self._board.find(call_id, key) if call_id is not None else None
        session = configured or {
            "type": "realtime",
            "model": request.query.get("model", DEFAULT_MODEL),
        }
        accepted = self._accepted(session)
        socket = web.WebSocketResponse(
            protocols=("realtime",), max_msg_size=MAX_MESSAGE, compress=False
        )
        await socket.prepare(request)
        if call is None:
            await self._board.talk(accepted, lambda receive: SocketChannel(socket, receive))
            return socket
        channel = SocketChannel(socket, call.receive)
        call.record.sidebands += 1
        call.attach(channel, greet=False)
        try:
            async with asyncio.TaskGroup() as group:
                trouble = group.create_task(self._trouble(channel), name="fault")
                await channel.run()
                trouble.cancel()
        finally:
            call.detach(channel)
        return socket

    async def calls(self, _request: web.Request) -> web.StreamResponse:
        """GET /emulator/calls: what happened."""
        return web.json_response(self._board.records())

    async def list_faults(self, _request: web.Request) -> web.StreamResponse:
        """GET /emulator/faults: what is still to come."""
        return web.json_response(self._plan.left())

    async def add_faults(self, request: web.Request) -> web.StreamResponse:
        """POST /emulator/faults: one fault or a list."""
        try:
            self._plan.add(faults.parse([await request.read()]))
        except ConfigError as error:
            raise Refusal("invalid_value", str(error)) from error
        return web.json_response(self._plan.left())

    async def clear_faults(self, _request: web.Request) -> web.StreamResponse:
        """DELETE /emulator/faults."""
        self._plan.clear()
        return web.json_response([])

    async def _trouble(self, channel: Channel) -> None:
        fault = self._plan.take(faults.CloseSideband)
        if fault is not None:
            await asyncio.sleep(fault.after)
            channel.close(fault.code, fault.reason)

    def _key(self, request: web.Request) -> tuple[str, Json | None]:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
            names = [name.strip() for name in offered if _KEY_PROTOCOL in name]
            key = names[0].removeprefix(_KEY_PROTOCOL) if names else ""
        return key.strip(), self._keys.check(key.strip())

    def _accepted(self, session: Json) -> Json:
        accepted = checked(session, strict=self._options.strict)
        model = accepted.get("model")
        if model is None:
            if self._options.strict:
                message = "Missing required parameter: 'session.model'."
                raise Refusal("missing_required_parameter", message, "session.model")
            return {**accepted, "model": DEFAULT_MODEL}
        if not _MODEL.fullmatch(model):
            message = f"The model '{model}' does not exist or you do not have access to it."
            raise Refusal("model_not_found", message, "session.model")
        return accepted


async def _offer(request: web.Request) -> tuple[str, Json | None]:
    """The SDP, and the session if there is one in the request."""
    if request.content_type != "multipart/form-data":
        return (await request.read()).decode("utf-8", "replace"), None
    try:
        form = await request.post()
    except ValueError as error:
        raise Refusal("invalid_multipart_form_data", "Unable to parse the form.") from error
    if "sdp" not in form:
        raise Refusal("missing_required_parameter", "Missing required parameter: 'sdp'.", "sdp")
    session = _text(form["session"]) if "session" in form else None
    return _text(form["sdp"]), None if session is None else _object(session, "session")


def _text(field: Any) -> str:  # noqa: ANN401 - bytes, str or FileField, by how the part is labelled
    if isinstance(field, web.FileField):
        field = field.file.read()
    if isinstance(field, bytes | bytearray):
        return bytes(field).decode("utf-8", "replace")
    return str(field)


async def _json(request: web.Request) -> Json:
    data = (await request.read()).decode("utf-8", "replace")
    return _object(data or "{}", None)


def _object(text: str, param: str | None) -> Json:
    try:
        value = json.loads(text)
    except ValueError as error:
        message = "We could not parse the JSON body of your request."
        raise Refusal("invalid_json", message, param) from error
    if not isinstance(value, dict):
        message = f"Invalid type for '{param}': expected an object."
        raise Refusal("invalid_type", message, param)
    return value


def _refused(fault: faults.RefuseCall) -> web.Response:
    code = fault.code or _CODES.get(fault.status, "")
    error = {
        "message": fault.message or _MESSAGES.get(code, _SERVER_ERROR),
        "type": _error_type(fault.status, code),
        "param": "" if code == "call_id_not_found" else None,
        "code": code or None,
    }
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return web.json_response({"error": error}, status=fault.status, headers=headers)


def _error_type(status: int, code: str) -> str:
    if status >= 500:
        return "server_error"
    if code == "insufficient_quota":
        return "insufficient_quota"
    return "requests" if status == 429 else "invalid_request_error"


@web.middleware
async def _service_manners(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        response = await handler(request)
    except Refusal as refusal:
        status = _STATUS.get(refusal.code, 400)
        response = web.json_response({"error": refusal.body()}, status=status)
    if not response.prepared:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "Location, X-Request-Id"
    return response


async def _preflight(request: web.Request) -> web.StreamResponse:
    wanted = request.headers.get("Access-Control-Request-Headers", "*")
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": wanted,
            "Access-Control-Max-Age": "600",
        },
    )
