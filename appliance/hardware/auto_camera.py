"""The first camera that is there, in a fixed order, with the reason against those before it."""

from collections.abc import Mapping
from itertools import takewhile

from typing_extensions import override

from appliance.errors import DeviceError
from appliance.hardware.camera_driver import CameraDriver, MakeDriver


class AutoCamera(CameraDriver):
    """Takes the first of `ways` that loads and opens; looks anew each time it is made."""

    def __init__(self, ways: Mapping[str, MakeDriver]) -> None:
        """`ways`: name -> driver, best first."""
        self.about = ""
        self.stays_open = False
        self._ways = {name: make() for name, make in ways.items()}
        self._against: dict[str, DeviceError] = {}
        self._chosen: CameraDriver | None = None

    @override
    def load(self) -> None:
        for name, way in self._ways.items():
            try:
                way.load()
            except DeviceError as error:
                self._against[name] = error

    @override
    def open(self) -> None:
        for name, way in self._ways.items():
            if name in self._against:
                continue
            try:
                way.open()
            except DeviceError as error:
                way.close()
                self._against[name] = error
                continue
            self._chosen = way
            self.stays_open = way.stays_open
            against = self._reasons(before=name)
            self.about = f"{way.about}{f' (not {against})' if against else ''}"
            return
        raise DeviceError(f"No camera works here ({self._reasons()}).", self._cure())

    @override
    def start(self) -> None:
        self._taken().start()

    @override
    def picture(self, settle: float, limit: float) -> bytes:
        return self._taken().picture(settle, limit)

    @override
    def close(self) -> None:
        if self._chosen is not None:
            self._chosen.close()

    def _taken(self) -> CameraDriver:
        assert self._chosen is not None  # noqa: S101 - the contract: open comes first
        return self._chosen

    def _reasons(self, before: str = "") -> str:
        tried = takewhile(lambda name: name != before, self._ways)
        return "; ".join(f"{name}: {self._against[name].cause.rstrip('.')}" for name in tried)

    def _cure(self) -> str:
        return self._against[next(iter(self._ways))].cure
