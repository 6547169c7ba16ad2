"""Puts the card image together, without root, loop device or mount: FAT, ext4, partition table."""

import os
import shutil
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.imaging.partitions import FAT32, LINUX, MIB, Partition, boot_record, starts
from deploy.packaging.inputs import run
from deploy.packaging.target import PackagingError

# Sizes in MiB. Cards of 4 GB and more will do; what is left over goes to the data at first boot.
BOOT_MIB: Final = 256
ROOT_MIB: Final = 3072
DATA_MIB: Final = 128
_BLOCK: Final = 4 * MIB
_NAMESPACE: Final = uuid.UUID("0b5b6a55-3f3c-4a55-8d0e-2f3d1f1b7c11")


class Tools:
    """File system tools of one Debian release, run from a folder: the same bytes on every host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self._loader,) = folder.glob("usr/lib/*/ld-linux-*.so.*")

    def run(self, program: str, *arguments: str | Path, **environ: str) -> str:
        """Return what a program prints. Raises PackagingError."""
        (found, *_) = [
            path for place in ("usr/sbin", "usr/bin", "sbin", "bin")
            if (path := self._folder / place / program).exists()
        ]  # fmt: skip
        library = f"{self._loader.parent}"
        return run(
            [self._loader, "--library-path", library, found, *arguments], None,
            LC_ALL="C.UTF-8", TZ="UTC", MTOOLS_SKIP_CHECK="1", **environ,
        )  # fmt: skip


def build_card(tools: Tools, root: Path, boot: Path, image: Path, epoch: int) -> None:
    """Write `image` from the archive `root` and the folder `boot`: same input, same bytes."""
    parts = [Partition(FAT32, BOOT_MIB * MIB, bootable=True)]
    parts += [Partition(LINUX, size * MIB) for size in (ROOT_MIB, DATA_MIB)]
    work = image.parent
    files = [work / "boot.fat", work / "rootfs.ext4", work / "data.ext4"]
    make_fat(tools, boot, files[0], BOOT_MIB, epoch)
    make_ext4(tools, root, files[1], ROOT_MIB, epoch)
    empty = work / "empty.tar"
    with tarfile.open(empty, "w"):
        pass
    make_ext4(tools, empty, files[2], DATA_MIB, epoch)
    with image.open("wb") as card:
        card.write(boot_record(parts, epoch & 0xFFFFFFFF))
        for part, file, start in zip(parts, files, starts(parts), strict=True):
            _copy(file, card.fileno(), start)
            card.truncate(start + part.size)
            file.unlink()


def make_fat(tools: Tools, folder: Path, file: Path, size: int, epoch: int) -> None:
    """Make a FAT file system of `size` MiB with the files of `folder`, one by one, by name."""
    file.unlink(missing_ok=True)
    with file.open("wb") as empty:
        empty.truncate(size * MIB)
    number = f"{epoch & 0xFFFFFFFF:08x}"
    now = {"SOURCE_DATE_EPOCH": str(epoch)}
    tools.run("mkfs.fat", "--invariant", "-F", "32", "-n", "BOOTFS", "-i", number, file, **now)
    for path in sorted(folder.rglob("*")):
        os.utime(path, (epoch, epoch))
        place = f"::{path.relative_to(folder).as_posix()}"
        if path.is_dir():
            tools.run("mmd", "-i", file, place, **now)
        else:
            tools.run("mcopy", "-Qm", "-i", file, path, place, **now)


def make_ext4(tools: Tools, archive: Path, file: Path, size: int, epoch: int) -> None:
    """Make an ext4 file system of `size` MiB with a tar archive's files, called as `file` is."""
    label = file.stem
    file.unlink(missing_ok=True)
    own = str(uuid.uuid5(_NAMESPACE, f"{label} {epoch}"))
    options = f"hash_seed={own},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"
    tools.run(
        "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-i", "16384", "-I", "256", "-L", label,
        "-U", own, "-E", options, "-O", "^metadata_csum_seed,^orphan_file", "-d", archive,
        file, f"{size}M", E2FSPROGS_FAKE_TIME=str(epoch), SOURCE_DATE_EPOCH=str(epoch),
    )  # fmt: skip


def compress(image: Path, how: str) -> Path:
    """Compress an image beside it; return the new file. The bytes do not depend on the machine."""
    commands: dict[str, list[str | Path]] = {
        "xz": ["xz", "--keep", "--force", "-6", "--threads=2", "--block-size=48MiB", image],
        "zstd": ["zstd", "-q", "-f", "-10", "-T0", image],
    }
    if not shutil.which(how):
        raise PackagingError(f"There is no {how}.", "sudo apt-get install xz-utils zstd")
    run(commands[how])
    return image.with_name(image.name + {"xz": ".xz", "zstd": ".zst"}[how])


def _copy(file: Path, card: int, start: int) -> None:
    """Copy what is not zero; the rest stays a hole."""
    with file.open("rb") as source:
        for place, block in _blocks(source.fileno()):
            if block.strip(b"\0"):
                os.pwrite(card, block, start + place)


def _blocks(source: int) -> Iterator[tuple[int, bytes]]:
    place = 0
    while block := os.pread(source, _BLOCK, place):
        yield place, block
        place += len(block)
