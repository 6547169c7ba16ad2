"""Opens and ends calls at the service: POST offer -> answer and call id; POST hang-up."""

import asyncio
import json
import logging
import re
from types import TracebackType
from typing import Self

import aiohttp
from typing_extensions import override
from yarl import URL

from appliance import __version__
from appliance.call.refusals import no_answer_sdp, refusal, unreachable
from appliance.config import ServiceConfig
from appliance.credentials import Secret
from appliance.errors import ServiceError
from appliance.ports import Answer, Signaling

OFFER_TIMEOUT = 10.0  # seconds for the whole request; a person waits with the receiver in hand
CONNECT_TIMEOUT = 5.0  # seconds of these for name, TCP and TLS
HANG_UP_TIMEOUT = 3.0  # seconds; a call the service does not let go of ends by itself
ANSWER_LIMIT = 256 * 1024  # bytes; answers have about 2 kB (recorded traffic, July 2026)

# OpenAI's ids are rtc_ and 21 more; Azure's rtc_ and 32; Inworld's are UUIDs.
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

log = logging.getLogger(__name__)


class HttpSignaling(Signaling):
    """The Realtime API's HTTP half. One for each process; a context manager, entered or closed."""

    def __init__(
        self, config: ServiceConfig, key: Secret, session: aiohttp.ClientSession | None = None
    ) -> None:
        """Prepare; connects nowhere yet. `session`: used instead of one of our own, not closed."""
        self._calls = URL(config.base_url.rstrip("/")) / "realtime" / "calls"
        self._model = config.model
        self._key = key
        self._session = session
        self._own = session is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close idle connections. At once; cancelling is safe."""
        if self._own and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    @override
    async def offer(self, sdp: str, session: bytes) -> Answer:
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("sdp", sdp, content_type="application/sdp")
        form.add_field("session", session.decode(), content_type="application/json")
        try:
            async with asyncio.timeout(OFFER_TIMEOUT):
                return await self._offer(form)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, ServiceError):
                raise
            raise unreachable(error, self._host) from error

    async def _offer(self, form: aiohttp.FormData) -> Answer:
        headers = {"Accept": "application/sdp"}
        async with self._post(self._calls, headers, form) as response:
            if not 200 <= response.status < 300:
                raise self._refusal(response, await _read(response))
            call_id = call_id_of(response.headers.get("Location"), self._calls)
            try:
                return Answer(await _read_sdp(response), call_id)
            except BaseException:
                if call_id is not None:
                    await self.hang_up(call_id)  # it exists, but nobody can ever join it
                raise

    @override
    async def hang_up(self, call_id: str) -> None:
        try:
            async with (
                asyncio.timeout(HANG_UP_TIMEOUT),
                self._post(self._calls / call_id / "hangup", {}, None) as response,
            ):
                body = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("the service was not told to hang up: %s", unreachable(error, self._host))
            return
        gone = response.status == 404 or _is_unknown_call(body)
        if not (gone or 200 <= response.status < 300):
            log.warning("the service did not hang up: %s", self._refusal(response, body))

    def _post(
        self, url: URL, headers: dict[str, str], form: aiohttp.FormData | None
    ) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            self._session = aiohttp.ClientSession(
                trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        headers["User-Agent"] = f"voice-appliance/{__version__}"
        headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return self._session.post(
            url,
            data=form,
            headers=headers,
            allow_redirects=False,  # the key goes to the configured host and nowhere else
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
        )

    def _refusal(self, response: aiohttp.ClientResponse, body: bytes) -> ServiceError:
        return refusal(response.status, response.headers, body, model=self._model, key=self._key)

    @property
    def _host(self) -> str:
        return self._calls.host or "the service"


def call_id_of(location: str | None, calls: URL) -> str | None:
    """Return the call id in a Location header, or None if it names none of this service.

    Tolerates what has been seen: absolute and relative, `/calls/calls/`, a query, a final slash.
    """
    if not location:
        return None
    try:
        url = calls.join(URL(location))
    except ValueError:
        return None
    if (url.scheme, url.host, url.port) != (calls.scheme, calls.host, calls.port):
        log.warning("the service names a call that is not its own; going on without its id")
        return None
    parts = [part for part in url.path.split("/") if part]
    if not parts or parts[-1] == "calls" or not _CALL_ID.fullmatch(parts[-1]):
        return None
    return parts[-1]


async def _read_sdp(response: aiohttp.ClientResponse) -> str:
    """Return the body of an accepted offer. Raises ServiceError if it is no SDP."""
    body = await _read(response)
    try:
        answer = body.decode()
    except UnicodeDecodeError:
        answer = ""
    if len(body) > ANSWER_LIMIT or not answer.lstrip().startswith("v=0"):
        raise no_answer_sdp(body)
    return answer


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, of a longer one a little more than ANSWER_LIMIT."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_LIMIT:
            response.close()
            break
    return bytes(body)


def _is_unknown_call(body: bytes) -> bool:
    try:
        return bool(json.loads(body)["error"]["code"] == "call_id_not_found")
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
