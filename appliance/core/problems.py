"""Failures as data: what kind of problem an error is."""

from appliance.core.model import Problem, ProblemKind
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
    UnreachableError,
)

_KINDS: tuple[tuple[type[BaseException], ProblemKind], ...] = (
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
    (TimeoutError, "timeout"),
    (ConnectionError, "network"),
)
"""Error to kind of problem; the first that fits. Everything else is a bug."""


def problem_of(error: BaseException) -> Problem:
    """Return the failure as data: for a group, that of the error which came first.

    Foreign errors are named by their type only: their text may hold what nobody should read.
    """
    error = first_of(error)
    kind = _kind_of(error)
    if isinstance(error, ApplianceError):
        retry_after = error.retry_after if isinstance(error, BusyError) else None
        return Problem(kind, error.cause, error.cure, retry_after)
    if kind == "bug":
        cause = f"Something broke inside the appliance ({type(error).__name__})."
        return Problem(kind, cause, "Call again; the journal has the details.")
    if kind == "timeout":  # of anything: a camera as well as the network
        return Problem(kind, f"An answer came too late ({type(error).__name__}).", "Try again.")
    return Problem(kind, f"The connection failed ({type(error).__name__}).", "Check the network.")


def first_of(error: BaseException) -> BaseException:
    """Return the error that came first, if this is a group of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _kind_of(error: BaseException) -> ProblemKind:
    for type_, kind in _KINDS:
        if isinstance(error, type_):
            return kind
    return "bug"
