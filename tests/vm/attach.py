"""Runs in the test machine as root: plugs a USB device that the host offers into a free virtual port.

Called with the host's address and port, and the device's speed as the kernel numbers it. The kernel keeps the connection:
the device is unplugged when the host closes it.
"""  # noqa: E501

import socket
import sys
from pathlib import Path

VHCI = Path("/sys/devices/platform/vhci_hcd.0")
FREE = "004"  # VDEV_ST_NULL in the kernel's drivers/usb/usbip/usbip_common.h


def main() -> None:
    """Connect and hand the connection over."""
    host, port, speed = sys.argv[1:]
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    (VHCI / "attach").write_text(f"{_free_port()} {connection.fileno()} {port} {speed}")


def _free_port() -> int:
    """Return the first free port of the hub for full and high speed."""
    for row in (VHCI / "status").read_text().splitlines()[1:]:
        hub, port, state = row.split()[:3]
        if hub == "hs" and state == FREE:
            return int(port)
    raise SystemExit("All virtual USB ports are taken.")


if __name__ == "__main__":
    main()
