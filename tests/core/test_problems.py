"""Errors become problems a person understands."""

import pytest

from appliance.core.model import Problem, ProblemKind
from appliance.core.problems import problem_of
from appliance.errors import (
    ApplianceError,
    AuthError,
    BusyError,
    ClosedError,
    ConfigError,
    DeviceError,
    ProtocolError,
    QuotaError,
    RejectedError,
    ServiceError,
    ToolError,
    UnreachableError,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AuthError, "auth"),
        (QuotaError, "quota"),
        (RejectedError, "rejected"),
        (ConfigError, "rejected"),
        (ClosedError, "closed"),
        (UnreachableError, "network"),
        (BusyError, "service"),
        (ServiceError, "service"),
        (ProtocolError, "service"),
        (DeviceError, "device"),
        (ToolError, "bug"),
        (ApplianceError, "bug"),
    ],
)
def test_our_errors_keep_their_sentences(error: type[ApplianceError], kind: ProblemKind) -> None:
    assert Problem(kind, "It broke.", "Mend it.") == problem_of(error("It broke.", "Mend it."))


def test_busy_service_says_when_to_come_back() -> None:
    assert problem_of(BusyError("It is busy.", retry_after=7.0)).retry_after == 7.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError("secret"), "timeout"),
        (ConnectionResetError("secret"), "network"),
        (KeyError("secret"), "bug"),
        (OSError("secret"), "bug"),
    ],
)
def test_foreign_errors_are_named_without_their_text(error: Exception, kind: ProblemKind) -> None:
    problem = problem_of(error)
    assert problem.kind == kind
    assert type(error).__name__ in problem.cause
    assert "secret" not in str(problem)


def test_group_of_errors_is_the_one_that_came_first() -> None:
    inner = ExceptionGroup("inner", [QuotaError("No money.", ""), KeyError("x")])
    assert problem_of(ExceptionGroup("outer", [inner, AuthError("No key.")])).kind == "quota"
