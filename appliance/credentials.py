"""The API key: where it is found, and a type that never shows it."""

import os
from collections.abc import Mapping
from pathlib import Path

from appliance.config import ServiceConfig
from appliance.errors import AuthError, ConfigError

CREDENTIAL = "openai_api_key"  # the name in systemd's LoadCredential=
KEY_VARIABLE = "OPENAI_API_KEY"


class Secret:
    """A text that never shows itself: `str`, `repr` and formatting give `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret text. Called only where an Authorization header is built."""
        return self._text

    def masked_in(self, text: str) -> str:
        """Return foreign `text` with `***` wherever it repeats the secret."""
        return text.replace(self._text, "***") if self._text else text

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")


def find_key(config: ServiceConfig, environ: Mapping[str, str] = os.environ) -> Secret:
    """Return the API key from the systemd credential, `service.key_file` or the environment.

    Raises AuthError if there is none, ConfigError if `key_file` is unreadable or open to others.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and (credential := Path(directory, CREDENTIAL)).is_file():
        given = _read(credential)
        if given.strip():  # the unit puts an empty line where there is no file
            return _secret(given, str(credential))
    if config.key_file:
        return _secret(_read_key_file(Path(config.key_file).expanduser()), config.key_file)
    if text := environ.get(KEY_VARIABLE):
        return _secret(text, KEY_VARIABLE)
    raise AuthError(
        "There is no API key.",
        f"Give it as the systemd credential {CREDENTIAL}, as a file named by service.key_file, "
        f"or in the environment variable {KEY_VARIABLE}.",
    )


def _secret(text: str, origin: str) -> Secret:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise AuthError(
            f"The API key in {origin} is empty or damaged.",
            "Put the key alone into it, on one line, as the service's web page shows it.",
        )
    return Secret(key)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")  # no key; `_secret` refuses it


def _read_key_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            raise ConfigError(
                f"The key file {path} can be read by others.", f"Run: chmod 600 {path}"
            )
        return _read(path)
    except OSError as error:
        raise ConfigError(
            f"The key file {path} cannot be read ({error.strerror}).", "Check service.key_file."
        ) from error
