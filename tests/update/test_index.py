"""Signatures and keys: who may say what is installed."""

import base64
import json
import os
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from appliance.errors import UpdateError
from appliance.update.index import Index, read_keys, sign, verify
from tests.update.world import release

INDEX = Index(serial=3, made="2026-11-28T12:00:00Z", packages=(release("2.0"),))
OLD, NEW, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))


def pem(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def folder(tmp_path: Path, **keys: bytes) -> Path:
    tmp_path.chmod(0o755)
    for name, data in keys.items():
        (tmp_path / f"{name}.pem").write_bytes(data)
        (tmp_path / f"{name}.pem").chmod(0o644)
    return tmp_path


def test_what_was_signed_is_what_is_read() -> None:
    assert verify(sign(INDEX, [OLD]), [OLD.public_key()]) == INDEX


def test_key_is_replaced_by_signing_with_both_for_a_while() -> None:
    both = sign(INDEX, [OLD, NEW])
    assert verify(both, [OLD.public_key()]) == verify(both, [NEW.public_key()]) == INDEX
    assert verify(sign(INDEX, [NEW]), [OLD.public_key(), NEW.public_key()]) == INDEX


def test_stranger_is_nobody() -> None:
    with pytest.raises(UpdateError, match="not signed with a key that is known"):
        verify(sign(INDEX, [STRANGER]), [OLD.public_key(), NEW.public_key()])


@pytest.mark.parametrize("at", range(0, 700, 7))
def test_no_byte_may_be_changed(at: int) -> None:
    data = bytearray(sign(INDEX, [OLD]))
    data[at % len(data)] ^= 1
    try:
        read = verify(bytes(data), [OLD.public_key()])
    except UpdateError:
        return
    assert read == INDEX  # a blank between the parts


def test_signature_over_something_else_is_none() -> None:
    envelope = json.loads(sign(INDEX, [OLD]))
    bare = base64.b64encode(OLD.sign(envelope["signed"].encode())).decode()
    with pytest.raises(UpdateError, match="not signed"):
        verify(json.dumps({**envelope, "signatures": [bare]}).encode(), [OLD.public_key()])


@pytest.mark.parametrize(
    "data", [b"", b"<html>sign in</html>", b"{}", b'{"signed": "{}", "signatures": ["!"]}', b"\xff"]
)
def test_what_is_no_index_is_told_as_such(data: bytes) -> None:
    with pytest.raises(UpdateError, match="is not an index of updates"):
        verify(data, [OLD.public_key()])


@pytest.mark.parametrize(
    "file", ["../../etc/cron.d/x.deb", "/x.deb", ".hidden.deb", "x", "a/b.deb", "state.json"]
)
def test_file_name_that_leads_elsewhere_is_refused_even_if_signed(file: str) -> None:
    bad = Index(serial=1, made="", packages=(msgspec.structs.replace(release("2.0"), file=file),))
    with pytest.raises(UpdateError, match="signed, but wrong"):
        verify(sign(bad, [OLD]), [OLD.public_key()])


@pytest.mark.parametrize("part", ["file", "version", "sha256", "minimum"])
def test_line_end_behind_a_text_is_refused_even_if_signed(part: str) -> None:
    good = msgspec.structs.replace(release("2.0"), minimum="1.0")
    bad = msgspec.structs.replace(good, **{part: getattr(good, part) + "\n"})
    for each in (bad, msgspec.structs.replace(release("2.0"), minimum="\n")):
        index = Index(serial=1, made="", packages=(each,))
        with pytest.raises(UpdateError, match="signed, but wrong"):
            verify(sign(index, [OLD]), [OLD.public_key()])


def test_all_keys_of_all_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = folder(tmp_path / "a", old=pem(OLD.public_key()))
    second = folder(tmp_path / "b", new=pem(NEW.public_key()))
    assert len(read_keys([first, second, tmp_path / "none"])) == 2


def test_no_key_is_told_with_the_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(UpdateError) as caught:
        read_keys([tmp_path])
    assert str(tmp_path) in caught.value.cure


def test_what_is_no_ed25519_key_is_named(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    for data in (b"rubbish", pem(other)):
        with pytest.raises(UpdateError, match=r"k\.pem is not a public Ed25519 key"):
            read_keys([folder(tmp_path, k=data)])


def test_key_that_others_may_change_is_refused(tmp_path: Path) -> None:
    keys = folder(tmp_path, k=pem(OLD.public_key()))
    (keys / "k.pem").chmod(0o664)
    with pytest.raises(UpdateError, match="Others may change"):
        read_keys([keys])


def test_key_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = folder(tmp_path, k=pem(OLD.public_key()))
    assert len(read_keys([keys])) == 1
    owner, stranger = keys.stat().st_uid or 1000, 54321
    if os.geteuid() == 0:
        os.chown(keys / "k.pem", owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(UpdateError, match="Others may change") as caught:
        read_keys([keys])
    assert "chown" in caught.value.cure
