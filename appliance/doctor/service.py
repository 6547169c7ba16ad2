"""The key, and whether the service takes it."""

import asyncio

import aiohttp
import msgspec

from appliance.call.refusals import refusal, unreachable
from appliance.config import ServiceConfig
from appliance.credentials import find_key
from appliance.errors import UnreachableError

SERVICE_TIMEOUT = 5.0  # s for one small request; a call would not work with a slower service
BODY_LIMIT = 1_000_000  # bytes; the list of models has 20 kB, a sign-in page may have no end


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    """The part of the list of models that shows it is one (OpenAI API reference, models)."""

    data: list[_Model]


async def key(config: ServiceConfig) -> str:
    """Look for the key; it is not shown. Raises as `find_key` does."""
    find_key(config)
    return "There is one."


async def service(config: ServiceConfig) -> str:
    """Make one small request with the key. Raises ServiceError as a call would."""
    base = config.base_url.rstrip("/")
    given = find_key(config)
    headers = {"Authorization": f"Bearer {given.reveal()}"}
    try:
        async with (
            asyncio.timeout(SERVICE_TIMEOUT),
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{base}/models", allow_redirects=False) as answer,
        ):
            body = await answer.content.read(BODY_LIMIT)
            while len(body) < BODY_LIMIT and (more := await answer.content.read(BODY_LIMIT)):
                body += more
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise unreachable(error, base) from error
    if answer.status != 200:
        raise refusal(answer.status, answer.headers, body, model=config.model, key=given)
    try:
        models = [entry.id for entry in msgspec.json.decode(body, type=_Models).data]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreachableError(
            f"What answers at {base} is not the Realtime service.",
            "This network may want its sign-in page filled in first. Check service.base_url.",
        ) from error
    listed = "offers" if config.model in models else "takes the key, but does not list"
    return f"{base} answers and {listed} {config.model}."
