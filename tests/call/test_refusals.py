"""What the service's refusals mean for a person."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.call.refusals import no_answer_sdp, refusal
from appliance.credentials import Secret
from appliance.errors import (
    AuthError,
    BusyError,
    QuotaError,
    RejectedError,
    ServiceError,
    UnreachableError,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
KEY = "sk-test-canary"


def body(code: str | None = None, message: str = "Words of the service.") -> bytes:
    return json.dumps(
        {"error": {"message": message, "type": "invalid_request_error", "code": code}}
    ).encode()


def refused(status: int, sent: bytes, headers: Mapping[str, str] | None = None) -> ServiceError:
    return refusal(status, headers or {}, sent, model="gpt-x", key=Secret(KEY), now=NOW)


@pytest.mark.parametrize(
    ("status", "sent", "kind", "word"),
    [
        (401, body("invalid_api_key"), AuthError, "key"),
        (401, b"", AuthError, "key"),
        (403, body(), AuthError, "refuses this device"),
        (403, body("model_not_found"), AuthError, "model gpt-x"),
        (404, body("model_not_found"), AuthError, "service.model"),
        (400, body("inference_not_authorized_error"), AuthError, "model gpt-x"),
        (400, body("account_deactivated"), AuthError, "account_deactivated"),
        (429, body("insufficient_quota"), QuotaError, "quota"),
        (429, body("billing_hard_limit_reached"), QuotaError, "quota"),
        (402, b"", QuotaError, "quota"),
        (429, body("rate_limit_exceeded"), BusyError, "busy"),
        (500, b"<html>oops</html>", BusyError, "busy"),
        (503, b"", BusyError, "busy"),
        (408, b"", BusyError, "busy"),
        (409, b"", BusyError, "busy"),
        (302, b"", UnreachableError, "sign-in"),
        (404, b"", RejectedError, "service.base_url"),
        (404, b"<!DOCTYPE html><html>", UnreachableError, "sign-in"),
        (511, b"", BusyError, "busy"),
        (400, body("invalid_offer"), RejectedError, "Words of the service."),
        (400, body(None), RejectedError, "400"),
        (418, b"\xff\xfe", RejectedError, "418"),
    ],
)
def test_each_refusal_has_its_kind_and_its_words(
    status: int, sent: bytes, kind: type[ServiceError], word: str
) -> None:
    error = refused(status, sent)

    assert type(error) is kind
    assert word in str(error)
    assert error.cause.endswith(".")
    assert error.cure.endswith(".")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_key_that_the_service_repeats_is_left_out(status: int) -> None:
    error = refused(status, body(f"bad_{KEY}", f"Incorrect API key provided: Bearer {KEY}."))

    assert KEY not in f"{error} {error!r} {getattr(error, 'code', '')}"


def test_rejection_carries_the_code_of_the_service() -> None:
    error = refused(400, body("unknown_parameter"))

    assert isinstance(error, RejectedError)
    assert error.code == "unknown_parameter"


@pytest.mark.parametrize(
    ("header", "message", "seconds"),
    [
        ("20", "", 20.0),
        ("0.5", "", 0.5),
        ("Mon, 23 Nov 2026 12:01:00 GMT", "", 60.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", "", 0.0),
        ("soon", "", None),
        ("-5", "", None),
        ("9" * 40, "", None),
        ("999999999", "", 86400.0),
        ("", "Please try again in 6.946s. Visit us.", 6.946),
        ("", "Please try again in 500ms.", 0.5),
        ("", "", None),
    ],
)
def test_wait_is_what_the_service_asks_for(
    header: str, message: str, seconds: float | None
) -> None:
    headers = {"Retry-After": header} if header else {}

    error = refused(429, body("rate_limit_exceeded", message), headers)

    assert isinstance(error, BusyError)
    assert error.retry_after == seconds


def test_words_of_the_service_are_cut_and_cleaned() -> None:
    error = refused(400, body("c\x1b" + "x" * 500, "a\x1b[31m\n" + "b" * 500))

    assert "\x1b" not in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 400


@given(st.integers(300, 599), st.binary() | st.text().map(lambda text: body(text, text)))
def test_any_refusal_is_a_service_error(status: int, sent: bytes) -> None:
    assert isinstance(refused(status, sent), ServiceError)


@pytest.mark.parametrize("sent", [b"[]", b"{}", b'{"error": 3}', b'{"error": {"code": 7}}', b"["])
def test_body_of_another_shape_is_no_crash(sent: bytes) -> None:
    assert isinstance(refused(400, sent), RejectedError)


def test_web_page_instead_of_an_answer_is_a_captive_portal() -> None:
    assert isinstance(no_answer_sdp(b" <html><body>Welcome"), UnreachableError)
    assert "unreadable" in no_answer_sdp(b"{}").cause
