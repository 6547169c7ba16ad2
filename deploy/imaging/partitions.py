"""The partition table of the card: a master boot record, which every board's firmware reads."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SECTOR: Final = 512
MIB: Final = 1024 * 1024
FIRST: Final = 4 * MIB  # where the first partition begins: at a whole erase block of any card

FAT32: Final = 0x0C
LINUX: Final = 0x83
_NO_CHS: Final = b"\xfe\xff\xff"  # cylinders and heads: too large to be told, look at the sectors


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry. `size` in bytes, whole MiB."""

    kind: int
    size: int
    bootable: bool = False


def starts(partitions: Sequence[Partition]) -> list[int]:
    """Return where each partition begins, in bytes, one after the other."""
    return [FIRST + sum(before.size for before in partitions[:i]) for i in range(len(partitions))]


def boot_record(partitions: Sequence[Partition], disk_id: int) -> bytes:
    """Return the first sector. Raises ValueError for more than four partitions or 2 TiB."""
    if len(partitions) > 4:
        raise ValueError("A master boot record has four entries.")
    entries = b"".join(
        struct.pack(
            "<B3sB3sII", 0x80 if each.bootable else 0, _NO_CHS, each.kind, _NO_CHS,
            _sectors(start), _sectors(each.size),
        )
        for each, start in zip(partitions, starts(partitions), strict=True)
    )  # fmt: skip
    return struct.pack("<440sIH64s2s", b"", disk_id, 0, entries, b"\x55\xaa")


def _sectors(size: int) -> int:
    if size % MIB or size // SECTOR >= 1 << 32:
        raise ValueError(f"{size} bytes cannot be told in whole MiB and 32 bits of sectors.")
    return size // SECTOR
