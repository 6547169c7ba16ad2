"""The test machine's power switch and its processor, where there is no kernel to boot."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm import machine
from tests.vm.machine import Machine, MachineError, Parts


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose kernel never says anything."""
    kernel = tmp_path / "linux"
    kernel.write_text("#!/bin/sh\nexec sleep 600\n")
    kernel.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    hung = Machine(Parts(tmp_path, tmp_path / "disk"), folder)
    try:
        yield hung
    finally:
        hung.cut_power()


def test_machine_that_does_not_boot_is_switched_off(
    hung: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "BOOT_LIMIT_S", 0.1)
    with pytest.raises(MachineError, match="said nothing"), hung:
        pass
    assert hung._process.returncode == -signal.SIGKILL


def test_machine_keeps_to_one_processor(hung: Machine) -> None:
    assert len(os.sched_getaffinity(hung._process.pid)) == 1


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no groups in this kernel")
def test_machine_has_the_priority_of_who_starts_it(hung: Machine) -> None:
    told = Path(f"/proc/{hung._process.pid}/autogroup").read_text()
    assert told.split()[-1] == str(os.getpriority(os.PRIO_PROCESS, 0))
