"""The service under the real systemd: watchdog, crashes, sandbox, credentials, memory, clock, disk, network."""  # noqa: E501

import json

import pytest

from tests.vm.box import CALL, KEY, KEY_FILE, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STATE = "/var/lib/voice-appliance"
UNIT = "/usr/lib/systemd/system/voice-appliance.service"
MAIN = "$(systemctl show -P MainPID voice-appliance)"
AWAY = f"{KEY_FILE}.away"
ENCRYPTED = "/etc/voice-appliance/openai_api_key.cred"


def restarts(machine: Machine) -> int:
    """How often systemd has restarted the service by itself."""
    return int(machine.run("systemctl show -P NRestarts voice-appliance"))


def until_restarted(box: Box, before: int, limit: float) -> None:
    """Wait for one more restart, and for the service to be ready after it."""
    more = f"[ $(systemctl show -P NRestarts voice-appliance) -gt {before} ]"
    box.machine.until(f"{more} && systemctl is-active voice-appliance", limit)
    box.until_phase("idle")


def test_process_that_hangs_is_replaced(box: Box) -> None:
    before = restarts(box.machine)
    box.machine.run(f"kill -STOP {MAIN}")
    until_restarted(box, before, 90)
    assert "Watchdog timeout" in box.machine.journal()


def test_process_that_crashes_in_a_call_is_replaced(box: Box, card: SoundCard) -> None:
    box.press(CALL)
    box.until_phase("live")
    before = restarts(box.machine)
    box.machine.run(f"kill -KILL {MAIN}")
    until_restarted(box, before, 60)
    box.until_light(lit=False)  # the microphone is not opened again by itself
    assert box.status()["model"]["calls_made"] == 0


def test_sandbox_lets_through_what_is_needed_and_nothing_else(box: Box, card: SoundCard) -> None:
    machine = box.machine
    script = (
        "s/^Type=.*/Type=oneshot/; s|^ExecStart=.*|ExecStart=python3 -I /run/probe.py|"
        "; /^Restart/d; /^Watchdog/d; /^NotifyAccess/d; s|/run/voice-appliance|/run/probe|g"
        "; s/^RuntimeDirectory=.*/RuntimeDirectory=probe/"
    )
    machine.run(
        f"sed '{script}' {UNIT} >/run/systemd/system/probe.service"
        " && cp /run/host/probe.py /run/probe.py && systemctl daemon-reload"
        " && systemctl start probe"
    )
    said = machine.run("journalctl -u probe -o cat | grep '^probe '").removeprefix("probe ")
    works, fails = json.loads(said)
    assert [name for name, error in works.items() if error] == [], works
    assert [name for name, error in fails.items() if error is None] == [], fails


def test_exposure_is_small(machine: Machine) -> None:
    told = machine.run("systemd-analyze security voice-appliance --no-pager | tail -1")
    assert float(told.split("service:")[1].split()[0]) <= 1.5, told


def test_key_is_nowhere_to_be_read(box: Box, card: SoundCard) -> None:
    box.press(CALL)
    box.until_phase("live")
    box.machine.run("voice-appliance hangup")
    for command in (
        f"tr '\\0' '\\n' </proc/{MAIN}/environ", f"cat /proc/{MAIN}/cmdline",
        "systemctl show voice-appliance", "journalctl -b -o verbose",
        "voice-appliance status --json", "voice-appliance doctor --json",
        "grep -r . /var/lib/voice-appliance",
    ):  # fmt: skip
        told = box.machine.try_(command).told
        assert told, command
        assert KEY not in told, command


def test_key_is_in_no_memory_that_can_be_had(box: Box) -> None:
    machine = box.machine
    spy = f"setpriv --reuid=voice-appliance --clear-groups cat /proc/{MAIN}/environ"
    assert "Permission denied" in machine.try_(spy).told
    before = restarts(machine)
    pattern = machine.run("cat /proc/sys/kernel/core_pattern")
    machine.run(
        "mkdir -m 1777 -p /var/cores; echo /var/cores/core.%p >/proc/sys/kernel/core_pattern"
    )
    try:
        machine.run("bash -c 'ulimit -c unlimited; kill -ABRT $$' || true")
        assert machine.run("ls /var/cores"), "this machine writes no cores"
        machine.run("rm /var/cores/*")
        machine.run(f"kill -ABRT {MAIN}")
        until_restarted(box, before, 60)
        assert machine.run("ls /var/cores") == ""
    finally:
        machine.run(f"echo '{pattern}' >/proc/sys/kernel/core_pattern; rm -rf /var/cores")


def test_encrypted_key_opens_a_call(box: Box, card: SoundCard) -> None:
    machine, dropin = box.machine, "/etc/systemd/system/voice-appliance.service.d"
    machine.run(
        f"systemd-creds encrypt --with-key=host --name=openai_api_key {KEY_FILE} {ENCRYPTED}"
        f" && mv {KEY_FILE} {AWAY} && mkdir -p {dropin} && printf '[Service]\\nLoadCredential=\\n"
        f"LoadCredentialEncrypted=openai_api_key:{ENCRYPTED}\\n' >{dropin}/key.conf"
        " && systemctl daemon-reload"
    )
    try:
        box.restart()
        box.press(CALL)
        box.until_phase("live")
    finally:
        machine.run(f"mv {AWAY} {KEY_FILE}; rm -r {dropin} {ENCRYPTED}; systemctl daemon-reload")
        box.restart()


def test_service_without_a_key_says_so_and_takes_one_later(box: Box) -> None:
    machine = box.machine
    machine.run(f"mv {KEY_FILE} {AWAY}")
    try:
        box.restart()
        box.press(CALL)
        told = box.until(lambda status: status["model"]["phase"] == "fault", "a fault")
        assert "There is no API key." in told["model"]["sentence"]
    finally:
        machine.run(f"mv {AWAY} {KEY_FILE}")
        box.restart()


def test_it_starts_and_calls_in_1970_and_the_clock_may_jump_in_a_call(
    box: Box, card: SoundCard
) -> None:
    machine = box.machine
    now = machine.run("date +%s")
    machine.run("date -s @86400")
    try:
        box.restart()
        box.press(CALL)
        box.until_phase("live")
        machine.run(f"date -s @{now}")
        card.until_loud(1)
        assert box.status()["model"]["phase"] == "live"
        box.machine.run("voice-appliance hangup")
        assert box.until_phase("idle")["last_call"]["DURATION_MS"] < 300_000
    finally:
        machine.run(f"date -s @{now}")


def test_it_starts_without_a_network_and_calls_once_there_is_one(box: Box, card: SoundCard) -> None:
    machine = box.machine
    machine.run("ip link set vec0 down")
    try:
        box.restart()
        box.press(CALL)
        box.until(lambda status: status["model"]["problem"] is not None, "a problem")
    finally:
        machine.run("ip link set vec0 up; ip route replace default via 10.99.0.1")
    box.machine.run("voice-appliance call", 60)
    card.until_loud(1)
    machine.run("voice-appliance hangup")


def test_call_survives_a_bad_network(box: Box, card: SoundCard) -> None:
    box.press(CALL)
    before = box.until_phase("live")["model"]["calls_made"]
    box.machine.run(
        "modprobe sch_netem 2>/dev/null; tc qdisc add dev vec0 root netem loss 10% delay 30ms 10ms"
    )
    try:
        box.machine.run("voice-appliance say 'Count to five.'")
        box.until_said("Four. Five")
        assert box.status()["model"]["calls_made"] == before
    finally:
        box.machine.run("tc qdisc del dev vec0 root; voice-appliance hangup")
    box.until_phase("idle")


def test_a_full_disk_costs_what_cannot_be_kept_and_nothing_else(box: Box, card: SoundCard) -> None:
    machine = box.machine
    machine.run(
        "mkdir -p /mnt/full && mount -t tmpfs -o size=64k,mode=700 none /mnt/full"
        f" && cp -a {STATE}/. /mnt/full/ && chown --reference={STATE} /mnt/full"
        f" && systemctl stop voice-appliance && mount --bind /mnt/full {STATE}"
        " && (dd if=/dev/zero of=/mnt/full/ballast bs=1k 2>/dev/null || true)"
    )
    try:
        box.restart()
        told = machine.try_("voice-appliance volume 40")
        assert told.status == 1
        assert "cannot be kept" in told.told
        assert box.status()["model"]["volume"] == 40
        machine.until("journalctl -u voice-appliance -o cat | grep 'volume cannot be kept'", 20)
        box.press(CALL)
        box.until_phase("live")
        machine.run("voice-appliance hangup; rm /mnt/full/ballast; voice-appliance volume 50")
        machine.until("grep -q 50 /var/lib/voice-appliance/volume.json", 20)
    finally:
        machine.run("systemctl stop voice-appliance; umount /var/lib/voice-appliance /mnt/full")
        box.restart()
