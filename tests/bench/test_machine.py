"""The test machine's power switch, where there is no kernel to boot."""

import signal
from pathlib import Path

import pytest

from tests.vm import machine
from tests.vm.machine import Machine, MachineError, Parts


def test_machine_that_does_not_boot_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "BOOT_LIMIT_S", 0.1)
    kernel = tmp_path / "linux"
    kernel.write_text("#!/bin/sh\nexec sleep 600\n")
    kernel.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    hung = Machine(Parts(tmp_path, tmp_path / "disk"), folder)
    try:
        with pytest.raises(MachineError, match="said nothing"), hung:
            pass
        assert hung._process.returncode == -signal.SIGKILL
    finally:
        hung.cut_power()
