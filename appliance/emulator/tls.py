"""A certificate made for the occasion, for clients that insist on TLS."""

import datetime as dt
import ipaddress
import ssl
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID: Final = dt.timedelta(days=30)


def context(certificate: Path | None, private_key: Path | None) -> ssl.SSLContext:
    """A server's TLS settings from these PEM files, or with a fresh certificate for localhost.

    Raises:
        OSError: a file cannot be read, or is no PEM (ssl.SSLError).
    """
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if certificate is not None:
        tls.load_cert_chain(certificate, private_key)
        return tls
    with tempfile.TemporaryDirectory() as folder:  # ssl reads files only
        pem = Path(folder, "emulator.pem")
        pem.touch(mode=0o600)
        pem.write_bytes(self_made())
        tls.load_cert_chain(pem)
    return tls


def self_made() -> bytes:
    """A new key and a certificate for localhost, 127.0.0.1 and ::1, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Realtime service emulator")])
    now = dt.datetime.now(dt.UTC)
    hosts = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
