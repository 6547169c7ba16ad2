import pytest

from appliance.errors import (
    AuthError,
    BusyError,
    QuotaError,
    RejectedError,
    ServiceError,
)
from appliance.realtime.refusals import delay, meaning, service_error
from appliance.realtime.shapes import ErrorBody


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ErrorBody(code="response_cancel_not_active", type="invalid_request_error"), "benign"),
        (ErrorBody(code="rate_limit_exceeded", type="tokens"), "busy"),
        (ErrorBody(code="insufficient_quota"), "quota"),
        (ErrorBody(code="invalid_api_key"), "auth"),
        (ErrorBody(code="session_expired", type="invalid_request_error"), "expired"),
        (ErrorBody(code="unknown_parameter", type="invalid_request_error"), "rejected"),
        (ErrorBody(code="server_error"), "broken"),
        (ErrorBody(type="tokens"), "busy"),
        (ErrorBody(), "broken"),
    ],
)
def test_code_counts_before_type(error: ErrorBody, expected: str) -> None:
    assert meaning(error) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit reached. Please try again in 6.946s. Visit us.", 6.946),
        ("Please try again in 120ms.", 0.12),
        ("please TRY AGAIN IN 1m2.5s", 62.5),
        ("Try again in 1h", 3600.0),
        ("Please try again later.", None),
        (None, None),
    ],
)
def test_delay_is_read_from_the_message(text: str | None, seconds: float | None) -> None:
    assert delay(ErrorBody(message=text)) == (pytest.approx(seconds) if seconds else None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_quota", QuotaError),
        ("invalid_api_key", AuthError),
        ("rate_limit_exceeded", BusyError),
        ("cannot_update_voice", RejectedError),
        ("content_filter", RejectedError),
        ("session_expired", ServiceError),
        (None, ServiceError),
    ],
)
def test_error_becomes_its_exception(code: str | None, kind: type[ServiceError]) -> None:
    error = service_error(ErrorBody(code=code, message="So it is."))
    assert type(error) is kind
    assert error.cause.endswith(".")
    assert not error.cause.endswith("..")


@pytest.mark.parametrize(
    ("reason", "cause", "cure"),
    [
        ("max_output_tokens", "as long as it may be", "Ask for less at once."),
        ("content_filter", "content filter", "Ask in other words."),
    ],
)
def test_each_limit_on_an_answer_has_its_own_cure(reason: str, cause: str, cure: str) -> None:
    error = service_error(ErrorBody(code=reason))
    assert cause in error.cause
    assert error.cure == cure


def test_rejected_keeps_the_code() -> None:
    body = ErrorBody(code="unknown_parameter", type="invalid_request_error", message="x" * 1000)
    error = service_error(body)
    assert isinstance(error, RejectedError)
    assert error.code == "unknown_parameter"
    assert len(error.cause) < 300


def test_busy_keeps_the_delay() -> None:
    body = ErrorBody(code="rate_limit_exceeded", message="Please try again in 2s.")
    error = service_error(body)
    assert isinstance(error, BusyError)
    assert error.retry_after == 2.0


def test_error_without_words_says_so() -> None:
    assert "did not say why" in service_error(ErrorBody()).cause
