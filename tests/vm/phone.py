"""Runs in the test machine as root, in a phone's network: what a phone does once it is on a Wi-Fi.

    lease DEVICE           asks for an address by DHCP (RFC 2131); uses it, and its name server
    ask METHOD URL [FORM]  asks for a page without following where it leads; what came, as JSON

Needs a file /etc/netns/NAME/resolv.conf: `ip netns exec` puts it in the place of the machine's.
"""

import http.client
import json
import socket
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

SERVER, CLIENT = 67, 68
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5  # RFC 2132, 9.6
MASK, ROUTER, NAMES, WANTED, KIND, WHO, LIST, END = 1, 3, 6, 50, 53, 54, 55, 255  # its options
COOKIE = b"\x63\x82\x53\x63"
HEAD = "!4BIHH16s16s192x4s"
BROADCAST = 0x8000
TRIES, WAIT = 5, 4.0  # s
NUMBER = 0x600D  # of the transaction


def main() -> None:
    """Do what the command line says."""
    verb, *words = sys.argv[1:]
    told = lease(*words) if verb == "lease" else ask(*words)
    sys.stdout.write(json.dumps(told) + "\n")


def lease(device: str) -> dict[str, str]:
    """Get an address and use it; what the server gave."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        line.bind(("", CLIENT))
        line.settimeout(WAIT)
        mac = bytes.fromhex(Path(f"/sys/class/net/{device}/address").read_text().replace(":", ""))
        address, options = exchange(line, mac, {KIND: bytes([DISCOVER])}, OFFER)
        wanted = {KIND: bytes([REQUEST]), WANTED: address, WHO: options[WHO]}
        address, options = exchange(line, mac, wanted, ACK)
    told = {
        "address": socket.inet_ntoa(address),
        "router": socket.inet_ntoa(options[ROUTER][:4]),
        "names": socket.inet_ntoa(options[NAMES][:4]),
    }
    bits = struct.unpack("!I", options[MASK])[0].bit_count()
    for command in (
        f"ip addr replace {told['address']}/{bits} dev {device}",
        f"ip route replace default via {told['router']}",
    ):
        subprocess.run(command.split(), check=True)  # noqa: S603 - our own words
    Path("/etc/resolv.conf").write_text(f"nameserver {told['names']}\n")
    return told


def exchange(
    line: socket.socket, mac: bytes, options: dict[int, bytes], wanted: int
) -> tuple[bytes, dict[int, bytes]]:
    """Send a message until its answer comes; the address in it, and its options."""
    head = struct.pack(
        HEAD, 1, 1, 6, 0, NUMBER, 0, BROADCAST, b"", mac, COOKIE
    )  # fmt: skip
    options = options | {LIST: bytes([MASK, ROUTER, NAMES])}
    body = b"".join(bytes([code, len(value)]) + value for code, value in options.items())
    for _ in range(TRIES):
        line.sendto(head + body + bytes([END]), ("255.255.255.255", SERVER))
        try:
            while True:
                answer = line.recv(2048)
                found = read(answer[struct.calcsize(HEAD) :])
                if answer[4:8] == NUMBER.to_bytes(4) and found.get(KIND) == bytes([wanted]):
                    return answer[16:20], found
        except TimeoutError:
            continue
    raise SystemExit("Nobody gave an address.")


def read(rest: bytes) -> dict[int, bytes]:
    """Return the options of a message."""
    found = dict[int, bytes]()
    while rest and rest[0] != END:
        if rest[0] == 0:  # a filling
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def ask(method: str, url: str, form: str = "") -> dict[str, object]:
    """Ask for a page; status 0 and the reason when nobody answers."""
    parts = urlsplit(url)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    try:
        server = http.client.HTTPConnection(parts.netloc, timeout=10)
        server.request(method, parts.path or "/", form or None, headers)
        answer = server.getresponse()
        leads = answer.getheader("Location", "")
        return {"status": answer.status, "leads": leads, "page": answer.read().decode()}
    except OSError as error:
        return {"status": 0, "leads": "", "page": str(error)}


if __name__ == "__main__":
    main()
