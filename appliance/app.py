"""Builds the appliance from its configuration: the one place that joins all parts."""

import asyncio
import faulthandler
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from appliance import __version__, daemon, tuning
from appliance.album import Album, take_photo
from appliance.call.parts import Parts as CallParts
from appliance.call.signaling import HttpSignaling
from appliance.config import HIGHEST_GAIN, LOWEST_GAIN, Config, runtime_directory, state_directory
from appliance.console import api
from appliance.console.server import control_socket
from appliance.console.views import BoardView, Status, view_model
from appliance.core.events import Dial, SetVolume
from appliance.core.model import Fault, Idle, Model, Photo
from appliance.credentials import Secret, find_key
from appliance.drivers import make_audio, make_camera, make_echo, make_panel
from appliance.errors import DeviceError
from appliance.findings import Report
from appliance.hub import Hub, Mark, Message
from appliance.kept import Keeper, keep, recall
from appliance.lamp import Lamp
from appliance.log import configure
from appliance.manager import find_manager, watchdog_limit
from appliance.media.cues import render_all
from appliance.media.echo import EchoCanceller
from appliance.media.opus import OpusDecoder, find_opus
from appliance.memory import Memory
from appliance.ports import Panel
from appliance.power import PowerWatch
from appliance.realtime.conversation import Entry
from appliance.starts import Start
from appliance.supervisor import Supervisor
from appliance.tester import SelfTester
from appliance.tools.builtin import builtin_tools
from appliance.tools.registry import Registry
from appliance.tools.runner import Runner
from appliance.warmup import WarmUp

if TYPE_CHECKING:
    from appliance.call.call import RealtimeCall

SETTLING = 10.0  # s in which a change of settings is on the card, if that is well


class Assembly:
    """The parts of one appliance, joined; made by `assemble`. Loop thread only."""

    def __init__(
        self, config: Config, key: Callable[[], Secret], panel: Panel, http: aiohttp.ClientSession
    ) -> None:
        self.config = config
        self.panel = panel
        self.hub = Hub()
        self.lamp = Lamp(panel.show)
        self.album = Album(config.camera.rotation)
        self.memory = Memory()
        volume_kept = state_directory() / "volume.json"
        self.volume = Keeper(volume_kept, config.audio.volume)
        self._gain_kept = state_directory() / "gain.json"
        self._gain = recall(self._gain_kept, config.audio.input_gain, LOWEST_GAIN, HIGHEST_GAIN)
        self.supervisor = Supervisor(
            self._open_call,
            self._take_photo,
            self._publish,
            model=Model(
                volume=recall(volume_kept, config.audio.volume, 0, 100),
                idle_timeout=config.call.idle_timeout,
            ),
        )
        self.power = PowerWatch(self.supervisor.post)
        self._key = key
        self._http = http
        self.camera = make_camera(config.camera, self.lamp)
        self._registry = Registry(builtin_tools(self), config.tools.disabled)
        self._audio = make_audio(config.audio, self.lamp)
        self._tester = SelfTester(self._audio)
        self._opus = find_opus()
        self._call: RealtimeCall | None = None
        self.warm_up = WarmUp(self._make_echo, self.camera)
        self._began = asyncio.get_running_loop().time()

    def blocks(self) -> int | None:
        """Blocks of sound exchanged in the call there is; None while no sound is open."""
        return self._call.blocks if self._call is not None else None

    def snapshot(self) -> Status:
        """Return everything that `status` tells."""
        call = self._call
        return Status(
            version=__version__,
            uptime=asyncio.get_running_loop().time() - self._began,
            tasks=len(asyncio.all_tasks()),
            model=view_model(self.hub.model),
            service=self.config.service.base_url,
            audio={"driver": self.config.audio.driver, **(call.sound() if call else {})},
            camera=self.camera.about,
            panel=self.config.panel.driver,
            tools=tuple(spec.name for spec in self._registry.specs()),
            last_call=call.figures() if call else {},
            board=BoardView(
                self.power.board.undervoltage,
                self.power.strain.undervoltages,
                self.power.board.celsius,
            ),
        )

    async def selftest(self, *, save: bool) -> Report:
        """Test the sound, and with `save` keep the gain that is right for the microphone.

        Raises ApplianceError: in a call, without a sound card, or if it does not work.
        """
        if not isinstance(self.hub.model.phase, Idle | Fault):
            raise DeviceError("The appliance is in a call.", "Hang up, and try again.")
        if self.config.audio.driver == "file":
            raise DeviceError("audio.driver is file: there is no sound card to test.")
        report = await self._tester.run(self.hub.model.volume, self._gain, self._tell_part)
        if save and report.gain_db is not None:
            self._gain = report.gain_db
            configured = self.config.audio.input_gain
            await asyncio.to_thread(keep, self._gain_kept, configured, self._gain)
        return report

    def _tell_part(self, part: str) -> None:
        now = asyncio.get_running_loop().time()
        self.hub.publish(Mark("selftest", now, 0, {"part": part}))

    # What the tools may do: tools.builtin.Context

    def status(self) -> Mapping[str, object]:
        """Return the snapshot as JSON."""
        told: dict[str, object] = msgspec.to_builtins(self.snapshot())
        return told

    async def take_photo(self) -> Photo:
        """Take a picture and show it to the model in the call there is."""
        photo = await self._take_photo()
        if self._call is None:
            raise DeviceError("There is no call to show the photo in.")
        await self._call.show(photo)
        return photo

    def set_volume(self, percent: int) -> None:
        """Make the speaker louder or quieter."""
        self.supervisor.post(SetVolume(percent))

    def end_call(self) -> None:
        """End the call once the goodbye has been spoken."""
        if self._call is not None:
            self._call.end_soon()

    # What the supervisor needs

    async def _open_call(self, call_no: int, resume: bool) -> "RealtimeCall":
        key = self._key()  # looked for at each call: one that arrives later needs no restart
        self.memory.next_call()
        self._tester.stop()
        await self.warm_up.over()
        from appliance.call.call import RealtimeCall  # noqa: PLC0415 - loaded by now

        before = self._call
        history = before.history() if resume and before is not None else ()
        # A service without a working data channel is called again once, then taken as it is.
        needs_channel = not (before is not None and before.channel_failed)
        parts = CallParts(
            service=self.config.service,
            session=self.config.session,
            call=self.config.call,
            key=key,
            signaling=HttpSignaling(self.config.service, key, self._http),
            audio=self._audio,
            tools=Runner(self._registry, self.config.tools),
            jpeg=self.album.jpeg,
            keep_camera_open=self.camera.keep_open,
            post=self.supervisor.post,
            publish=self._publish,
            errand=self.supervisor.run_errand,
            cues=render_all(),
            decoder=lambda: OpusDecoder(self._opus),
            echo=self._make_echo,
            near_gain=10 ** (self._gain / 20),
            may_fall_back=self.config.audio.echo == "auto",
        )
        self._call = RealtimeCall(call_no, parts, history=history, needs_channel=needs_channel)
        return self._call

    def _make_echo(self) -> EchoCanceller:
        return make_echo(self.config.audio)

    async def _take_photo(self) -> Photo:
        return await take_photo(self.camera.capture, self.album)

    def _publish(self, message: Message) -> None:
        if isinstance(message, Entry):
            message = self.memory.remember(message)
        if isinstance(message, Model):
            self.lamp.view(message)
            if message.volume != self.hub.model.volume:
                self.volume.choose(message.volume)
                self.supervisor.run_errand("keep volume", self.volume.write)
        self.hub.publish(message)


@asynccontextmanager
async def assemble(
    config: Config, key: Callable[[], Secret], *, panel: Panel | None = None
) -> AsyncIterator[Assembly]:
    """Open what stays open for the life of the process, and join everything.

    `key` is asked at each call; it may raise AuthError. `panel`: instead of the configured one.
    """
    panel = panel or make_panel(config.panel)
    async with AsyncExitStack() as stack:
        stack.callback(panel.close)  # whoever reads it opens it
        http = await stack.enter_async_context(
            aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        )
        assembly = Assembly(config, key, panel, http)
        stack.callback(assembly.hub.close)
        stack.push_async_callback(assembly.camera.off)
        yield assembly


async def serve(config: Config, start: Start) -> None:
    """Run the daemon until a signal ends it. Raises ApplianceError if it cannot start."""
    faulthandler.enable()  # a crash in a library leaves its place in the journal
    configure(config.log.level)
    start.tell()
    tuning.return_memory()
    tuning.give_way_to_sound()
    if "CREDENTIALS_DIRECTORY" in os.environ:  # as a service; else a debugger may be attached
        tuning.seal_memory()
    directory = runtime_directory()
    with daemon.only_instance(directory):
        async with AsyncExitStack() as stack:
            assembly = await stack.enter_async_context(
                assemble(config, lambda: find_key(config.service))
            )
            doors = api.Appliance(
                post=assembly.supervisor.post,
                hub=assembly.hub,
                status=assembly.snapshot,
                transcript=assembly.memory.entries,
                selftest=assembly.selftest,
                settled=partial(assembly.volume.settled, SETTLING),
            )
            await stack.enter_async_context(control_socket(doors, directory))

            async def begin() -> None:
                await assembly.warm_up.run()
                if config.call.dial_on_start:
                    assembly.supervisor.post(Dial())
                await daemon.collect_between_calls(assembly.hub)

            parts = daemon.Parts(
                supervisor=assembly.supervisor,
                hub=assembly.hub,
                panel=assembly.panel,
                blocks=assembly.blocks,
                debounce=config.panel.debounce,
                warm_up=begin,
                watch=assembly.power.run,
                held=start.held,
            )
            await daemon.run_daemon(parts, find_manager(), watchdog_limit())
