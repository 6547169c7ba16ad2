"""Every error the appliance raises on purpose, as one tree.

ApplianceError                what happened (`cause`) and what the person can do (`cure`)
|- ConfigError                a setting is wrong                         (ValueError)
|- DeviceError                microphone, speaker, camera, buttons, LED  (OSError)
|- ServiceError               the Realtime service or the way to it      (ConnectionError)
|  |- UnreachableError        no route, no answer, answer too late       (TimeoutError)
|  |- ClosedError             the service ended the call without being asked
|  |- BusyError               rate limit or 5xx; may carry `retry_after`
|  |- AuthError               the key is missing or refused
|  |- QuotaError              the account has no quota left
|  |- RejectedError           the service refuses what we sent: our bug or a wrong setting
|- ProtocolError              the service sent something that cannot be read (ValueError)
|- ToolError                  a tool cannot do what the model asked      (RuntimeError)
|- NotRunningError            no appliance answers on the control socket (ConnectionError)
|- RefusedError               the running appliance does not do what the command line asks

Those of the emulator have their home there, for it is an extra:

|- emulator.recognizer.RecognizerError   speech cannot be recognised here (RuntimeError)
|- emulator.engines.VoiceError           speech cannot be made here       (RuntimeError)
|- emulator.eyes.PictureError            a picture cannot be looked at    (ValueError)
|- ProtocolError
|  |- emulator.wire.Refusal              what the service's error event says to the client
"""


class ApplianceError(Exception):
    """A failure with its cause and its cure, each one sentence for a person.

    Both end with a full stop. `str()` gives both. Secrets and transcripts never go in.
    """

    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(f"{cause} {cure}".strip())
        self.cause = cause
        self.cure = cure


class ConfigError(ApplianceError, ValueError):
    """A setting is missing, unknown or out of range."""


class DeviceError(ApplianceError, OSError):
    """A microphone, speaker, camera, button or LED is missing, busy or gone."""


class ServiceError(ApplianceError, ConnectionError):
    """The Realtime service, or the way to it, failed."""


class UnreachableError(ServiceError, TimeoutError):
    """Nothing answers, or not in time."""


class ClosedError(ServiceError):
    """The service ended the call, and neither the person nor the model had asked for it."""


class BusyError(ServiceError):
    """The service asks us to come back later."""

    def __init__(self, cause: str, cure: str = "", *, retry_after: float | None = None) -> None:
        """`retry_after`: seconds the service asked for, if it did."""
        super().__init__(cause, cure)
        self.retry_after = retry_after


class AuthError(ServiceError):
    """The key is missing, refused, or not allowed to use this model."""


class QuotaError(ServiceError):
    """The account behind the key has nothing left to spend."""


class RejectedError(ServiceError):
    """The service refuses our request as wrong; the same request will be refused again."""

    def __init__(self, cause: str, cure: str = "", *, code: str | None = None) -> None:
        """`code`: the service's own error code, if it sent one."""
        super().__init__(cause, cure)
        self.code = code


class ProtocolError(ApplianceError, ValueError):
    """A message of the service cannot be read."""


class ToolError(ApplianceError, RuntimeError):
    """A tool cannot do what it was asked; the model is told why."""


class UpdateError(ApplianceError):
    """An update cannot be fetched, trusted, installed or undone."""


class PostponedError(UpdateError):
    """The update waits for a better moment."""


class NotRunningError(ApplianceError, ConnectionError):
    """No appliance answers on the control socket."""


class RefusedError(ApplianceError):
    """The running appliance says why it did not do what was asked."""
