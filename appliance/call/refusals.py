"""What the service's refusals and failed connections mean for a person - pure."""

import json
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from appliance.credentials import Secret
from appliance.errors import (
    AuthError,
    BusyError,
    QuotaError,
    RejectedError,
    ServiceError,
    UnreachableError,
)

FOREIGN_TEXT_LIMIT: Final = 200  # characters of the service's words that go into our sentences
RETRY_AFTER_LIMIT: Final = 24 * 3600.0  # seconds; a longer wait is as good as no answer

# Codes that waiting does not cure (OpenAI API reference, error codes; the same set stops the
# retries of livekit-agents, August 2026).
_NO_QUOTA: Final = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_NO_ACCESS: Final = {"invalid_api_key", "account_deactivated", "missing_scope"}
_NO_MODEL: Final = {"model_not_found", "inference_not_authorized_error"}
_COME_BACK: Final = {408, 409, 425, 429}  # what OpenAI's own clients try again, with all of 5xx

_CHECK_KEY = "Check the key on the service's web page, and where it is stored here."
_CHECK_NETWORK = "Check the network."
_CHECK_URL = "Check service.base_url."
_SIGN_IN = "This network may want its sign-in page filled in first."


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    model: str,
    key: Secret,
    now: datetime | None = None,
) -> ServiceError:
    """Return the error that an answer other than 2xx means.

    `model`, `key`: what was asked with; a key that the answer repeats is left out.
    """
    code, message = _error_of(body, key)
    if status == 401 or code in _NO_ACCESS:
        return AuthError(f"The service refuses the API key ({code or status}).", _CHECK_KEY)
    if code in _NO_MODEL:
        return AuthError(
            f"The API key may not use the model {model}.",
            "Set service.model to one that the account offers.",
        )
    if status == 402 or code in _NO_QUOTA:
        return QuotaError(
            f"The account has no quota left ({code or status}).",
            "Add credit on the service's billing page.",
        )
    if status in _COME_BACK or status >= 500:
        return BusyError(
            f"The service is busy or failed ({code or status}).",
            "Try again in a moment.",
            retry_after=_retry_after(headers, message, now or datetime.now(UTC)),
        )
    if 300 <= status < 400:
        return UnreachableError(
            f"The service's address answers with a redirect ({status}).", f"{_SIGN_IN} {_CHECK_URL}"
        )
    if status == 403:
        return AuthError("The service refuses this device (403).", _CHECK_KEY)
    if _is_html(body):
        return UnreachableError(f"A web page answers for the service ({status}).", _SIGN_IN)
    if status == 404:
        return RejectedError(
            "There is no Realtime service at the configured address (404).", _CHECK_URL, code=code
        )
    said = f": {message}" if message else ""
    return RejectedError(
        f"The service refuses the call ({code or status}){said}".rstrip(".") + ".",
        "Check the settings of the sections service and session.",
        code=code,
    )


def no_answer_sdp(body: bytes) -> ServiceError:
    """Return the error that a 2xx answer without SDP means."""
    if _is_html(body):
        return UnreachableError("A web page answers for the service.", _SIGN_IN)
    return ServiceError("The service accepts the call, but with an unreadable answer.", _CHECK_URL)


def unreachable(error: Exception, host: str) -> ServiceError:
    """Return what a failed connection to `host` means. `error`: of aiohttp or the system."""
    certificate = _certificate_error(error)
    if certificate is not None:
        return _distrust(certificate, host)
    match error:
        case aiohttp.ClientConnectorDNSError():
            return UnreachableError(f"The name {host} cannot be looked up.", _CHECK_NETWORK)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return UnreachableError(
                f"No secure connection to {host} is possible.",
                "Check service.base_url; something on the network may be in the way.",
            )
        case aiohttp.ClientConnectorError():
            return UnreachableError(f"Nothing answers at {host}.", _CHECK_NETWORK)
        case aiohttp.InvalidURL():
            return RejectedError("service.base_url is not an address.", _CHECK_URL)
        case TimeoutError():
            return UnreachableError(f"{host} does not answer in time.", _CHECK_NETWORK)
        case aiohttp.ClientResponseError():
            return UnreachableError(f"What answers at {host} speaks no HTTP.", _CHECK_URL)
        case _:
            return UnreachableError(f"The connection to {host} broke.", _CHECK_NETWORK)


def _distrust(error: ssl.SSLCertVerificationError, host: str) -> ServiceError:
    # Numbers: X509_V_ERR_* of OpenSSL's x509_vfy.h.
    match error.verify_code:
        case 9:
            return UnreachableError(
                f"The certificate of {host} is not valid yet.", "Check this device's clock."
            )
        case 10:
            return UnreachableError(
                f"The certificate of {host} has expired.", "Check this device's clock."
            )
        case 62 | 64:  # name, address
            return UnreachableError(
                f"Something else answers in the place of {host}.", f"{_SIGN_IN} {_CHECK_URL}"
            )
        case _:
            return UnreachableError(
                f"The certificate of {host} cannot be trusted.",
                "Something on the network may be reading along; use another network.",
            )


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            error = error.certificate_error  # it is an SSLCertVerificationError without a code
        elif isinstance(error, ssl.SSLCertVerificationError):
            return error
        else:
            error = error.__cause__
    return None


def _error_of(body: bytes, key: Secret) -> tuple[str | None, str]:
    """Return code and message of an error body, as far as it is one."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, ""
    if not isinstance(error, dict):
        return None, ""
    code, message = error.get("code"), error.get("message")
    return (
        _printable(key.masked_in(code))[:64] or None if isinstance(code, str) else None,
        _printable(key.masked_in(message))[:FOREIGN_TEXT_LIMIT] if isinstance(message, str) else "",
    )


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _retry_after(headers: Mapping[str, str], message: str, now: datetime) -> float | None:
    """Return the seconds the service asks for: RFC 9110, 10.2.3, or its own words."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return min(float(text), RETRY_AFTER_LIMIT)
    if text:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max((at - now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)
    # "Please try again in 6.946s", as reported from rate limits of this API.
    if found := re.search(r"try again in (\d{1,6}(?:\.\d{1,9})?)(ms|s)\b", message):
        return float(found[1]) / (1000 if found[2] == "ms" else 1)
    return None


def _is_html(body: bytes) -> bool:
    start = body.lstrip()[:64].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))
