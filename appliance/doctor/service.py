"""The key, and whether the service takes it."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import msgspec

from appliance.call.refusals import refusal, unreachable
from appliance.config import ServiceConfig
from appliance.credentials import CREDENTIAL, Secret, find_key
from appliance.doctor.contract import Found
from appliance.doctor.names import Names, look_up
from appliance.doctor.software import ask
from appliance.errors import AuthError, ConfigError, UnreachableError

SERVICE_TIMEOUT = 5.0  # s for one small request; a call would not work with a slower service
ETC = Path("/etc/voice-appliance")  # where the unit takes the key from (LoadCredential=)
BODY_LIMIT = 1_000_000  # bytes; the list of models has 20 kB, a sign-in page may have no end


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    """The part of the list of models that shows it is one (OpenAI API reference, models)."""

    data: list[_Model]


def given_key(
    config: ServiceConfig, etc: Path = ETC, environ: Mapping[str, str] = os.environ
) -> Secret:
    """Return the key that a call would use; outside the unit too, if we may read its file.

    Raises as `find_key` does, and AuthError if only the service may read the key.
    """
    try:
        return find_key(config, environ)
    except AuthError as error:
        try:
            return find_key(config, {"CREDENTIALS_DIRECTORY": str(etc)})
        except AuthError:
            raise error from None  # there is none there either
        except PermissionError:
            raise AuthError(
                f"You may not read the key in {etc}.", "Use sudo: sudo voice-appliance doctor."
            ) from None


async def key(config: ServiceConfig, etc: Path = ETC) -> str | Found:
    """Look for the key; it is not shown. Raises as `given_key` does."""
    try:
        given_key(config, etc)
    except AuthError:
        if (etc / f"{CREDENTIAL}.cred").exists():
            return Found("not-applicable", "It is encrypted: only the service can read it.")
        raise
    return "There is one."


async def account() -> str | Found:
    """Tell what the service has said of the account in a call.

    Lists and small requests are answered to an account without quota too; a call is not.
    """
    unknown = Found(
        "not-applicable", "Whether the account has quota left, the service says in a call only."
    )
    if (status := await ask()) is None:
        return unknown
    problem = status.model.problem
    if problem is not None and problem.kind in {"quota", "auth"}:
        return Found("fail", problem.cause, problem.cure)
    return "The last call was not refused." if status.last_call else unknown


async def service(config: ServiceConfig, etc: Path = ETC) -> str | Found:
    """Make one small request with the key, if there is one. Raises ServiceError as a call would."""
    base = config.base_url.rstrip("/")
    try:
        given = given_key(config, etc)
    except (AuthError, ConfigError):
        return Found("not-applicable", f"{base} was not asked: there is no key to ask with.")
    headers = {"Authorization": f"Bearer {given.reveal()}"}
    connector = aiohttp.TCPConnector(resolver=Names(look_up))
    try:
        async with (
            asyncio.timeout(SERVICE_TIMEOUT),
            aiohttp.ClientSession(headers=headers, connector=connector) as session,
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
