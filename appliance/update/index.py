"""The signed index of a channel: what there is, and whether its maker says so. Pure but for keys.

The file is one JSON object, so that text and signatures can never be of two different moments:
`{"signed": TEXT, "signatures": [BASE64, …]}`. TEXT is itself JSON, an `Index`; a signature is
Ed25519 (RFC 8032) over `CONTEXT` and the UTF-8 bytes of TEXT. One signature by one known key is
enough: a key is replaced by signing with the old and the new one for a while.
"""

import base64
import binascii
import os
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Meta

from appliance.errors import UpdateError
from appliance.update.state import Package

CONTEXT: Final = b"voice-appliance index 1\n"  # a key that also signs other things signs no index
INDEX_LIMIT: Final = 1_000_000  # bytes
PACKAGE_LIMIT: Final = 500_000_000  # bytes
KEY_FOLDERS: Final = (  # the person's first; a maker may put keys into the package
    Path("/etc/voice-appliance/update-keys"),
    Path("/usr/share/voice-appliance/update-keys"),
)

# `\Z`, for `$` would let a line end stand behind it.
FILE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9.+~_-]*\.deb\Z"
VERSION: Final = r"^[0-9][A-Za-z0-9.+~:-]*\Z"  # Debian Policy 5.6.12


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A package on offer.

    `size` is the file's, `installed` what it takes when installed, in bytes. `minimum`: the oldest
    version from which it may be installed at once; empty: any.
    """

    version: Annotated[str, Meta(pattern=VERSION, max_length=100)]
    suite: str
    arch: str
    file: Annotated[str, Meta(pattern=FILE_NAME, max_length=200)]
    size: Annotated[int, Meta(gt=0, le=PACKAGE_LIMIT)]
    installed: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    minimum: Annotated[str, Meta(pattern=rf"^\Z|{VERSION}")] = ""

    @property
    def package(self) -> Package:
        """The file that is fetched."""
        return Package(self.version, self.file, self.size, self.sha256, self.installed)


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel offers. `serial` grows with each index; `made`: its time, for a person."""

    serial: Annotated[int, Meta(ge=1, lt=2**53)]
    made: str
    packages: tuple[Release, ...]


class _Envelope(msgspec.Struct, frozen=True):
    signed: str
    signatures: Annotated[tuple[str, ...], Meta(max_length=8)]


def read_keys(folders: Sequence[Path] = KEY_FOLDERS) -> list[Ed25519PublicKey]:
    """Read every `*.pem` in the folders. Blocks. Raises UpdateError if there is none, or a bad one.

    A folder or key that others than root (and whoever asks) may write is refused: it decides what
    root installs.
    """
    keys = []
    for file in (file for folder in folders for file in sorted(folder.glob("*.pem"))):
        if any(_changeable(path.stat()) for path in (file, file.parent)):
            cure = f"sudo chown -R root: {file.parent} && sudo chmod -R go-w {file.parent}"
            raise UpdateError(f"Others may change {file}.", cure)
        try:
            key = load_pem_public_key(file.read_bytes())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise UpdateError(f"{file} is not a public Ed25519 key.", "Remove it, or get it anew.")
        keys.append(key)
    if not keys:
        raise UpdateError(
            "There is no key to check updates with.",
            f"Put the channel's public key into {folders[0]}, as NAME.pem.",
        )
    return keys


def _changeable(about: os.stat_result) -> bool:
    return about.st_uid not in {0, os.geteuid()} or bool(about.st_mode & 0o022)


def sign(index: Index, keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """Return the file of a channel, signed with each of the keys."""
    text = msgspec.json.format(msgspec.json.encode(index)).decode()
    signatures = (key.sign(CONTEXT + text.encode()) for key in keys)
    told = tuple(base64.b64encode(signature).decode() for signature in signatures)
    return msgspec.json.encode(_Envelope(text, told)) + b"\n"


def verify(data: bytes, keys: Sequence[Ed25519PublicKey]) -> Index:
    """Return the index in the file of a channel. Raises UpdateError if nobody known signed it."""
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        signatures = [base64.b64decode(each, validate=True) for each in envelope.signatures]
        text = envelope.signed.encode()
    except (msgspec.DecodeError, UnicodeError, binascii.Error, ValueError) as error:
        raise UpdateError(
            "What update.index_url names is not an index of updates.",
            "Check update.index_url; this network may want its sign-in page filled in first.",
        ) from error
    if not any(_signed(key, each, text) for key in keys for each in signatures):
        raise UpdateError(
            "The index of updates is not signed with a key that is known here.",
            f"Ask the channel's maker for the new key, or check the files in {KEY_FOLDERS[0]}.",
        )
    try:
        return msgspec.json.decode(text, type=Index)
    except msgspec.DecodeError as error:
        raise UpdateError(
            f"The index of updates is signed, but wrong ({error}).", "Tell the channel's maker."
        ) from error


def _signed(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, CONTEXT + text)
    except InvalidSignature:
        return False
    return True


def candidates(index: Index, suite: str, arch: str) -> list[Release]:
    """Return what fits this machine."""
    return [each for each in index.packages if (each.suite, each.arch) == (suite, arch)]


def choose(
    offers: Sequence[Release],
    installed: str,
    bad: Container[str],
    newer: Callable[[str, str], bool],
) -> Release | None:
    """Return the newest version that may be installed over `installed`; None if there is none.

    `newer(a, b)`: whether version a is newer than b.
    """
    best = None
    for offer in offers:
        if offer.version in bad or not newer(offer.version, installed):
            continue
        if offer.minimum and newer(offer.minimum, installed):
            continue
        if best is None or newer(offer.version, best.version):
            best = offer
    return best
