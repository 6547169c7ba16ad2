"""The pure parts of the image builder, and its files; `deploy/desktop image-test` boots it all."""

import hashlib
import json
import re
import shlex
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.update.state import FOLDER
from deploy.imaging import partitions, system, twins
from deploy.imaging.card import BOOT_MIB, DATA_MIB, ROOT_MIB
from deploy.imaging.manifest import manifest
from deploy.imaging.partitions import FAT32, LINUX, MIB, Partition, boot_record, starts
from deploy.packaging.target import ROOT, PackagingError

EPOCH = 1_700_000_000
FILES = system.HERE / "files"
CARD = [
    Partition(FAT32, BOOT_MIB * MIB, bootable=True),
    Partition(LINUX, ROOT_MIB * MIB),
    Partition(LINUX, DATA_MIB * MIB),
]


def test_boot_record_is_read_by_others_as_it_was_meant(tmp_path: Path) -> None:
    sfdisk = shutil.which("sfdisk") or "/usr/sbin/sfdisk"
    if not Path(sfdisk).exists():
        pytest.skip("sfdisk is not installed")
    card = tmp_path / "card"
    with card.open("wb") as file:
        file.write(boot_record(CARD, 0xDEADBEEF))
        file.truncate(starts(CARD)[-1] + CARD[-1].size)
    done = subprocess.run(  # noqa: S603 - a fixed command
        [sfdisk, "--json", str(card)], capture_output=True, text=True, check=True, timeout=15
    )
    table = json.loads(done.stdout)["partitiontable"]
    assert (table["label"], table["id"]) == ("dos", "0xdeadbeef")
    assert [(each["type"], each["size"] * 512) for each in table["partitions"]] == [
        ("c", BOOT_MIB * MIB), ("83", ROOT_MIB * MIB), ("83", DATA_MIB * MIB),
    ]  # fmt: skip
    assert table["partitions"][0]["bootable"]


def test_partitions_follow_each_other_on_erase_blocks() -> None:
    assert starts(CARD) == [4 * MIB, (4 + BOOT_MIB) * MIB, (4 + BOOT_MIB + ROOT_MIB) * MIB]
    record = boot_record(CARD, 1)
    assert len(record) == partitions.SECTOR
    assert record[510:] == b"\x55\xaa"
    assert struct.unpack_from("<I", record, 446 + 8) == (4 * MIB // 512,)


@pytest.mark.parametrize(
    "wrong",
    [[Partition(LINUX, MIB)] * 5, [Partition(LINUX, MIB + 1)], [Partition(LINUX, 2 * 1024**4)]],
)
def test_what_a_boot_record_cannot_tell_is_refused(wrong: list[Partition]) -> None:
    with pytest.raises(ValueError, match=r"entries|sectors"):
        boot_record(wrong, 1)


def test_image_fits_a_card_of_four_gigabytes() -> None:
    assert starts(CARD)[-1] + CARD[-1].size < 3.7e9


def test_files_are_packed_as_roots_whoever_builds(tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(FILES, copy)
        for path in copy.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600 + number * 0o44)
        archive = tmp_path / f"{number}.tar"
        system.lay_files(copy, archive, EPOCH)
        digests.add(hashlib.sha256(archive.read_bytes()).hexdigest())
    assert len(digests) == 1
    with tarfile.open(tmp_path / "0.tar") as tar:
        modes = {entry.name: entry.mode for entry in tar}
        assert {(entry.uid, entry.gid, entry.mtime) for entry in tar} == {(0, 0, EPOCH)}
    assert modes["etc/fstab"] == 0o644
    assert modes["usr/local/sbin/voice-appliance-data"] == 0o755
    assert modes["etc"] == 0o755


def test_card_asks_where_its_builder_asked(tmp_path: Path) -> None:
    source = system.Source("http://debian.invalid/debian", ("trixie", "trixie-updates"), "main")
    assert source.lines()[1] == "deb http://debian.invalid/debian trixie-updates main"
    system.lay_files(FILES, tmp_path / "files.tar", EPOCH, source.stanza())
    with tarfile.open(tmp_path / "files.tar") as tar:
        kept = tar.extractfile("etc/apt/sources.list.d/debian.sources")
        assert kept is not None
        told = kept.read().decode().splitlines()
    assert told[1:3] == ["URIs: http://debian.invalid/debian", "Suites: trixie trixie-updates"]
    assert told[4] == f"Signed-By: {system.DEBIANS}"


def test_packages_are_named_once_and_none_is_a_comment() -> None:
    names = system.packages((system.HERE / "packages.txt").read_text())
    assert {"network-manager", "nftables", "unattended-upgrades", "avahi-daemon"} <= set(names)
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in names)


def test_every_mount_is_of_a_label_that_the_card_has() -> None:
    lines = [line.split() for line in (FILES / "etc/fstab").read_text().splitlines()]
    assert [line[0] for line in lines] == ["LABEL=rootfs", "LABEL=BOOTFS"]
    assert "= data ]" in (FILES / "usr/local/sbin/voice-appliance-data").read_text()
    source = (system.HERE / "card.py").read_text()
    assert all(f"{name}.ext4" in source for name in ("rootfs", "data"))
    assert "root=LABEL=rootfs" in (system.HERE / "boot/cmdline.txt").read_text()


def test_no_disk_but_the_systems_own_is_grown(tmp_path: Path) -> None:
    """Here the last partition of the system's disk is not called data; a stick's may well be."""
    log = tmp_path / "log"
    answers = {
        "findmnt": "/dev/x2",
        "lsblk": "/dev/x3",
        "blkid": "rootfs",
        "readlink": "/dev/stick1",
    }
    for name in (*answers, "sfdisk", "partx", "e2fsck", "mount", "resize2fs"):
        (tmp_path / name).write_text(
            f'#!/bin/sh\necho {name} >>"{log}"\necho {answers.get(name, "")}\n'
        )
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(FILES / "usr/local/sbin/voice-appliance-data")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, timeout=15, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert log.read_text().split() == ["findmnt", "lsblk", "lsblk", "blkid"]


def test_boot_partition_is_kept_read_only_and_for_root() -> None:
    (line,) = [line for line in (FILES / "etc/fstab").read_text().splitlines() if "BOOTFS" in line]
    assert {"ro", "umask=0077"} <= set(line.split()[3].split(","))


def test_firewall_lets_nothing_in_that_is_not_named() -> None:
    text = (FILES / "etc/nftables.conf").read_text()
    assert "policy drop" in text
    assert not re.search(r"^\s*flush ruleset", text, re.MULTILINE)  # NetworkManager has a table too
    assert set(re.findall(r"(?:tcp|udp) dport (\S+(?: [^}a-z]*})?)", text)) == {
        "68", "{ 546, 5353 }", "@tcp_open", "{ 53, 67 }", "{ 53, 80 }",
    }  # fmt: skip


def test_firewall_lets_phones_in_only_on_the_access_point() -> None:
    text = (FILES / "etc/nftables.conf").read_text()
    assert (
        "set setup_device {\n    type ifname\n  }" in text
    )  # without elements: onboarding adds one
    rules = [line.strip() for line in text.splitlines() if "{ 53" in line]
    assert rules == [
        "iifname @setup_device udp dport { 53, 67 } accept",
        "iifname @setup_device tcp dport { 53, 80 } accept",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_accepts_the_units_of_the_card(tmp_path: Path) -> None:
    for unit in sorted((FILES / "etc/systemd/system").iterdir()):
        copy = tmp_path / unit.name
        copy.write_text(re.sub("(?m)^ExecStart=.*", "ExecStart=/bin/true", unit.read_text()))
        done = subprocess.run(  # noqa: S603 - a fixed command
            [str(shutil.which("systemd-analyze")), "verify", "--man=no", str(copy)],
            capture_output=True, text=True, timeout=15, check=False,
        )  # fmt: skip
        assert [line for line in done.stderr.splitlines() if unit.name in line] == []


@pytest.mark.parametrize("script", ["hooks/essential.sh", "hooks/customize.sh", "hooks/twin.sh"])
def test_hooks_are_shell(script: str) -> None:
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/sh", "-n", str(system.HERE / script)], capture_output=True, timeout=15, check=False
    )
    assert done.returncode == 0, done.stderr


def test_checkout_and_package_may_lie_in_folders_with_blanks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, work, asked = tmp_path / "the checkout's  folder", tmp_path / "a work", list[str]()
    shutil.copytree(system.HERE, place)
    work.mkdir()

    def run(words: Sequence[str | Path], *_: object, **_environ: str) -> str:
        if words[0] == "mmdebstrap":
            asked.extend(str(word) for word in words if "-hook=" in str(word))
            (work / "boot/firmware").mkdir()
        return ""

    monkeypatch.setattr(system, "HERE", place)
    monkeypatch.setattr(system, "run", run)
    monkeypatch.setattr(system, "_mmdebstrap", lambda: ["mmdebstrap"])
    monkeypatch.setattr(twins, "possible", lambda: False)
    system.build_system(place / "a.deb", system.ARCHIVES["debian"], "", work, EPOCH)
    # mmdebstrap reads copy-in and the like by Text::ParseWords, and has `sh` read the others.
    words = [shlex.split(each.partition("=")[2]) for each in asked]
    assert [f"{place}/hooks/{each}.sh" for each in ("essential", "customize")] == [
        each[1] for each in words if each[0] == "sh"
    ]
    assert ["copy-in", f"{place}/a.deb", "/var/cache"] in words
    assert ["tar-in", f"{work}/files.tar", "/"] in words
    assert ["copy-out", "/boot/firmware", f"{work}/boot"] in words


def test_script_of_ours_gets_the_tree_and_then_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a  folder/hooks").mkdir(parents=True)
    (tmp_path / "a  folder/hooks/told.sh").write_text("printf '<%s>' \"$@\"\n")
    monkeypatch.setattr(system, "HERE", tmp_path / "a  folder")
    command = system.script("extract", "told.sh", "the tools", "triplet").partition("=")[2]
    done = subprocess.run(  # noqa: S603 - as mmdebstrap does
        ["/bin/sh", "-c", command, "exec", "/a tree"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "</a tree><the tools><triplet>"


def test_building_lets_nobody_tidy_the_machine_that_builds() -> None:
    """Without the file in the tree's /tmp, mmdebstrap's last `apt-get update` means the host."""
    hooks = "".join(path.read_text() for path in sorted((system.HERE / "hooks").iterdir()))
    assert not re.search(r'\$(?:root|1)"?/tmp', hooks)
    assert "--skip=cleanup/apt," in (system.HERE / "system.py").read_text()
    for place in ("var/lib/apt/lists", "var/cache/apt"):  # what mmdebstrap would have tidied
        assert f'"$root"/{place}/*' in hooks


def test_card_keeps_nothing_of_how_the_builder_reaches_the_archive() -> None:
    """Options of the builder's apt, its proxy among them, stand in files of mmdebstrap's own."""
    hook = (system.HERE / "hooks/customize.sh").read_text()
    taken_out = re.findall(r"\brm -f (.*?[^\\])\n", hook, re.DOTALL)
    for name in ("/etc/apt/apt.conf.d/99mmdebstrap", "/etc/dpkg/dpkg.cfg.d/99mmdebstrap"):
        assert any(f'"$root{name}"' in words for words in taken_out)


def test_card_brings_the_package_that_its_updater_goes_back_to() -> None:
    hook = (system.HERE / "hooks/customize.sh").read_text()
    assert f'back="$root{FOLDER}"' in hook
    kept, gone = 'install -m 644 "$root"/var/cache/*.deb', 'rm -f "$root"/var/cache/*.deb'
    assert 0 < hook.index(kept) < hook.index(gone)


def test_manifest_has_every_field_that_imager_asks_for(tmp_path: Path) -> None:
    image, packed = tmp_path / "a.img", tmp_path / "a.img.xz"
    image.write_bytes(b"1234")
    packed.write_bytes(b"12")
    made = json.loads(manifest(image, packed, "1.2.3", "debian", EPOCH))
    (entry,) = made["os_list"]
    # rpi-imager, doc/json-schema/os-list-schema.json: required for an image.
    required = {
        "name", "description", "icon", "url", "extract_size", "extract_sha256",
        "image_download_size", "release_date", "devices",
    }  # fmt: skip
    assert required <= set(entry)
    assert (entry["url"], entry["extract_size"], entry["image_download_size"]) == ("a.img.xz", 4, 2)
    assert entry["extract_sha256"] == hashlib.sha256(b"1234").hexdigest()
    assert entry["release_date"] == "2023-11-14"
    tags = {tag for device in made["imager"]["devices"] for tag in device["tags"]}
    assert set(entry["devices"]) == tags  # else Imager lists the devices and hides the image


def test_pi_5_is_offered_only_with_a_kernel_that_can_read_its_card(tmp_path: Path) -> None:
    image = tmp_path / "a.img"
    image.write_bytes(b"1")
    for archive, there in (("debian", False), ("raspberrypi", True)):
        assert ("pi5-64bit" in manifest(image, image, "1", archive, EPOCH)) == there


def test_archive_that_cannot_be_trusted_is_refused_in_words(tmp_path: Path) -> None:
    foreign = system.Archive("x", (), str(tmp_path / "no-keyring"))
    with pytest.raises(PackagingError, match="--server"):
        system.build_system(tmp_path / "a.deb", foreign, "", tmp_path, EPOCH)
    with pytest.raises(PackagingError, match="cannot be trusted"):
        system.build_system(tmp_path / "a.deb", foreign, "http://x.invalid", tmp_path, EPOCH)


def test_texts_for_people_name_files_that_are_there() -> None:
    text = (system.HERE / "boot/README.txt").read_text()
    assert "voice-appliance-result.txt" in text
    assert (ROOT / "deploy/imaging/boot/voice-appliance.toml").exists()
    assert max(map(len, text.splitlines())) < 80  # Notepad does not wrap
