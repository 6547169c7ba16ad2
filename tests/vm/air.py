"""The radios of a test machine (`mac80211_hwsim`): the appliance's own, a router's and a phone's.

Router and phone live in network namespaces of the machine, so nothing but the air is between them and
the appliance. The machine itself is made to what the card image is.
"""  # noqa: E501

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from tests.vm.machine import HOST, Machine

OWN, ROUTERS, PHONES = "wlan0", "wlan1", "wlan2"
CARD = "/boot/firmware"
CARD_SIZE = 16 << 20  # bytes
ETC = Path(__file__).resolve().parents[2] / "deploy" / "imaging" / "files" / "etc"

Disks: TypeAlias = Mapping[str, Path]  # options of a machine

# What deploy/imaging/hooks/customize.sh does, a boot partition, and two radios that are not ours.
LIKE_THE_IMAGE = f"""set -e
install -m 644 -D -t /etc/NetworkManager/conf.d /run/host/90-voice-appliance.conf
cat >/etc/NetworkManager/conf.d/air.conf <<END
[keyfile]
unmanaged-devices=interface-name:{ROUTERS};interface-name:{PHONES};interface-name:vec0
END
install -m 755 -t /etc /run/host/nftables.conf
mkdir -p /etc/nftables.d {CARD}
systemctl -q enable nftables NetworkManager
systemctl -q add-wants multi-user.target voice-appliance-first-boot voice-appliance-onboarding
echo mac80211_hwsim >/etc/modules-load.d/air.conf
echo 'options mac80211_hwsim radios=3' >/etc/modprobe.d/air.conf
mkfs.vfat -n BOOTFS /dev/ubdb >/dev/null
grep ' {CARD} ' /run/host/fstab | sed s,LABEL=BOOTFS,/dev/ubdb, >>/etc/fstab
mount -o rw {CARD}
if [ -e /run/host/voice-appliance.toml ]; then cp /run/host/voice-appliance.toml {CARD}; fi
"""
POINT = """interface={device}
ssid={name}
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase={password}
"""
STATION = """ctrl_interface=/run/phone
network={{
    ssid="{name}"
    psk="{password}"
}}
"""
UPLINK = f"""set -e
ip addr add 10.99.0.2/24 dev vec0
ip link set vec0 up
ip route add default via {HOST}
ip addr add 192.168.77.1/24 dev {ROUTERS}
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
nft add table ip nat
nft 'add chain ip nat out {{ type nat hook postrouting priority srcnat; }}'
nft add rule ip nat out oif vec0 masquerade
"""
DHCP = f"--interface={ROUTERS} --bind-interfaces --port=0 --dhcp-range=192.168.77.50,192.168.77.99"


def like_the_image(power_on: Callable[..., Machine], folder: Path, settings: str = "") -> Disks:
    """Return the disks of a machine from the card image. `settings`: its settings file."""
    card = folder / "card"
    with card.open("wb") as file:
        file.truncate(CARD_SIZE)
    with power_on(second=card) as machine:
        for name in ("fstab", "nftables.conf", "NetworkManager/conf.d/90-voice-appliance.conf"):
            shutil.copy(ETC / name, machine.folder)
        if settings:
            (machine.folder / "voice-appliance.toml").write_text(settings)
        machine.run(LIKE_THE_IMAGE)
        machine.power_off()
        return {"changes": machine.changes, "second": card}


class Router:
    """An access point with a way to the host. It is off until it is switched on."""

    def __init__(self, machine: Machine, name: str, password: str) -> None:
        self.machine = machine
        own_place(machine, "router", ROUTERS)
        text = POINT.format(device=ROUTERS, name=name, password=password)
        (machine.folder / "hostapd.conf").write_text(text)
        (machine.folder / "uplink").write_text(UPLINK)
        machine.until("systemctl is-active board")  # it has to find the wire where it was
        machine.run("ip link set vec0 netns router")
        self._run(f"sh /run/host/uplink && dnsmasq --conf-file=/dev/null {DHCP}")

    def switch_on(self) -> None:
        """Let its network be heard."""
        self._run("hostapd -B -P /run/hostapd.pid /run/host/hostapd.conf")

    def switch_off(self) -> None:
        """Take its power: it says goodbye to nobody."""
        self._run(f"kill -KILL $(cat /run/hostapd.pid); ip link set {ROUTERS} down")

    def _run(self, shell: str) -> None:
        self.machine.run(f"ip netns exec router sh -c '{shell}'")


class Phone:
    """A phone that joins the appliance's network, and shows its page."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        own_place(machine, "phone", PHONES)
        machine.run("mkdir -p /etc/netns/phone && touch /etc/netns/phone/resolv.conf")

    def join(self, limit: float = 120.0) -> dict[str, str]:
        """Join with what stands on the card, once the network is there; the lease."""
        result = f"{CARD}/voice-appliance-result.txt"
        self.machine.until(f"grep 'password: ' {result} 2>/dev/null")
        name, password = re.findall(
            r"(?:network|password): +(\S+)", self.machine.run(f"cat {result}")
        )
        text = STATION.format(name=name, password=password)
        (self.machine.folder / "phone.conf").write_text(text)
        self.leave()
        self._run(f"wpa_supplicant -B -P /run/phone.pid -i {PHONES} -c /run/host/phone.conf")
        self.machine.until(f"wpa_cli -p /run/phone -i {PHONES} status | grep COMPLETED", limit)
        told: dict[str, str] = json.loads(self._run(f"python3 /run/host/phone.py lease {PHONES}"))
        return told

    def leave(self) -> None:
        """Leave the network, if it is on one."""
        self.machine.try_("kill $(cat /run/phone.pid) && sleep 1")

    def ask(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask for a page, or send a form; see phone.py."""
        words = f"POST {url} '{urlencode(form)}'" if form else f"GET {url}"
        told: dict[str, Any] = json.loads(self._run(f"python3 /run/host/phone.py ask {words}"))
        return told

    def send(self, url: str, **fields: str) -> dict[str, Any]:
        """Fill in the form that is shown there."""
        page = self.ask(url)["page"]
        found = re.search('name="token" value="([^"]+)"', page)
        assert found is not None, page
        return self.ask(url, {"token": found[1], **fields})

    def _run(self, shell: str) -> str:
        return self.machine.run(f"ip netns exec phone {shell}", 90)


def own_place(machine: Machine, name: str, device: str) -> None:
    """Take a radio out of the appliance's reach, into a network namespace."""
    machine.until(f"test -e /sys/class/net/{device}/phy80211")
    radio = f"$(cat /sys/class/net/{device}/phy80211/name)"
    machine.run(f"ip netns add {name} && iw phy {radio} set netns name {name}")
