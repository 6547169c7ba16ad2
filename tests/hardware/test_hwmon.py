"""What is read of the kernel's sensors."""

from pathlib import Path

from appliance.hardware.hwmon import Board, read_board
from tests.hardware.hwmon_tree import HwmonTree


def test_pi_tells_supply_and_processor_and_nothing_else_is_taken_for_it(tmp_path: Path) -> None:
    tree = HwmonTree(tmp_path)
    assert read_board(tmp_path) == Board(undervoltage=False, celsius=46.3)
    tree.alarm(True)
    tree.celsius = -4.5
    assert read_board(tmp_path) == Board(undervoltage=True, celsius=-4.5)


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    assert read_board(tmp_path) == Board(None, None)
    tree = HwmonTree(tmp_path)
    tree.unload(2)
    assert read_board(tmp_path) == Board(None, 46.3)


def test_sensor_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    HwmonTree(tmp_path)
    hwmon = tmp_path / "class" / "hwmon"
    (hwmon / "hwmon0" / "temp1_input").unlink()  # as a driver that answers with an error
    (hwmon / "hwmon2" / "in0_lcrit_alarm").write_bytes(b"\xff?\n")
    assert read_board(tmp_path) == Board(None, None)
