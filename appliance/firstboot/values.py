"""Checks of single values: host name, time zone, keys. Each mends what an editor broke."""

import base64
import binascii
import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from appliance.firstboot.statements import DASHES, INVISIBLE
from appliance.firstboot.steps import SettingError

# sshd(8), AUTHORIZED_KEYS FILE FORMAT; options before the type are not taken.
SSH_KINDS: Final = (
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
)  # fmt: skip
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0", "")


class PrivateKeyError(SettingError):
    """Somebody gave the secret half of a key."""


def plain(text: str) -> str:
    """Return text without invisible characters and blanks around it, with plain hyphens."""
    text = text.translate(dict.fromkeys(map(ord, INVISIBLE)))
    return text.translate(dict.fromkeys(map(ord, DASHES), "-")).replace("\u00a0", " ").strip()


def flag(text: str) -> bool:
    """Return yes or no."""
    if (word := plain(text).lower()) in (*_YES, *_NO):
        return word in _YES
    raise SettingError("It is neither yes nor no. Write true or false.")


def host_name(text: str) -> str:
    """Return a name of one label (RFC 952, RFC 1123), in small letters."""
    name = plain(text).lower().removesuffix(".local")
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) and not name.isdigit():
        return name
    basic = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    better = re.sub("[^a-z0-9]+", "-", basic).strip("-")[:63].strip("-")
    if not better or better.isdigit():
        better = "voice"
    raise SettingError(
        f'"{text}" cannot be a name in the network: only letters a to z, digits and hyphens can. '
        f'Write hostname = "{better}".'
    )


def time_zone(text: str, zones: Collection[str]) -> str:
    """Return the zone as the system writes it."""
    wanted = re.sub(r"\s*/\s*", "/", plain(text)).replace(" ", "_")
    by_name = {zone.lower(): zone for zone in zones}
    if found := by_name.get(wanted.lower()):
        return found
    ends = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones)}
    near = difflib.get_close_matches(wanted.lower(), [*by_name, *ends], n=1)
    meant = by_name.get(near[0]) or ends[near[0]] if near else "Europe/Berlin"
    raise SettingError(
        f'There is no time zone "{text}". Write area and city, such as timezone = "{meant}".'
    )


def api_key(text: str) -> str:
    """Return the key. Refuses what `credentials` would refuse."""
    key = plain(text)
    if not key.isascii() or not key.isprintable() or " " in key or '"' in key:
        raise SettingError(
            "The API key is damaged: it has a blank, or a character no key has. "
            "Copy it anew from the service's web page, alone, on one line."
        )
    if "*" in key or "..." in key:
        raise SettingError(
            "The API key is not complete: the service's web page shows a whole key only once. "
            "Make a new one there and copy all of it."
        )
    return key


def ssh_keys(texts: Collection[str]) -> tuple[str, ...]:
    """Return public keys, one a line of `authorized_keys`."""
    if any("PRIVATE KEY" in text for text in texts):
        raise PrivateKeyError(
            "This is the private half of an ssh key, which nobody else may have. It was "
            "overwritten; write the public half (the file that ends in .pub)."
        )
    return tuple(_ssh_key(text) for text in texts)


def _ssh_key(text: str) -> str:
    # A comment may be anything; the rest survives editors that make long dashes of hyphens.
    kind, _, rest = plain(text).partition(" ")
    body, _, comment = rest.strip().partition(" ")
    wrong = SettingError(
        "This is no public ssh key. Copy the whole line of the file that ends in .pub; it begins "
        "with ssh-ed25519 or ssh-rsa."
    )
    if kind not in SSH_KINDS or not comment.isprintable():
        raise wrong
    try:
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong from error
    parts = list(_parts(blob))  # complete ones
    if len(parts) < 2 or parts[0] != kind.encode() or len(blob) != sum(4 + len(p) for p in parts):
        raise wrong
    return " ".join(filter(None, (kind, body, comment)))


def _parts(blob: bytes) -> Iterator[bytes]:
    """Yield the strings of a public key, each after its length (RFC 4253, 6.6): its kind first."""
    while len(blob) >= 4 and len(blob) >= (end := 4 + int.from_bytes(blob[:4], "big")):
        yield blob[4:end]
        blob = blob[end:]
