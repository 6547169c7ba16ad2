"""The scripted visit: what a person does with the appliance, and how one sees that it worked."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from appliance.core.events import Event, Say
from appliance.core.gestures import Button
from appliance.core.model import Idle, Live, Model, Turn
from appliance.demo.witness import NotSeenError, Witness
from appliance.hub import Mark
from appliance.realtime.conversation import Entry
from appliance.terminal import Step, View

PATIENCE = 30.0  # s for one thing to be seen; a spoken answer takes under 15
AUDIBLE_DBFS = -45.0  # quieter than this at the speaker is not an answer
PICTURE_WORDS = "colour|color|bright|dark|light"
TRIES = 3  # times that something is said; a busy computer drops some of the sound
COUNTS = "One."  # how the long answer begins
COUNTED = 2.5  # s of counting before the interruption; the whole count takes more than 5


class Actor(Protocol):
    """What a visitor can do to the appliance."""

    async def press(self, button: Button) -> None:
        """Press and release a button."""

    async def speak(self, text: str) -> None:
        """Say `text` into the microphone; returns when it is said."""

    def post(self, event: Event) -> None:
        """Wish for something, as the command line would."""

    async def hung_up(self) -> None:
        """Return once the service knows that every call was hung up."""


@dataclass(slots=True)
class Visit:
    """The visit's steps, over an actor and a witness."""

    actor: Actor
    witness: Witness

    def script(self) -> Sequence[tuple[str, Callable[[], Awaitable[str]]]]:
        """Return each step's title and what it does; a step returns what it found."""
        return (
            ("Press the call button", self.press_call),
            ("Hear the greeting", self.greeting),
            ('Ask aloud: "What time is it?"', self.ask_the_time),
            ('Say: "Add two and five slowly"', self.add),
            ("Press the photo button", self.photograph),
            ("Interrupt a long answer", self.interrupt),
            ('Type: "make hello world upper case"', self.type_a_request),
            ("Press the call button again", self.hang_up),
        )

    async def press_call(self) -> str:
        """Start a call; it must become live."""
        since = self.witness.now()
        await self.actor.press(Button.CALL)
        pressed, _ = await self.witness.mark("press", since=since, limit=PATIENCE)
        up, _ = await self.witness.mark("call_up", since=since, limit=PATIENCE)
        return f"the call is live {1000 * (up.at - pressed.at):.0f} ms after the press"

    async def greeting(self) -> str:
        """The service speaks first."""
        return await self._answer("", since=0)

    async def ask_the_time(self) -> str:
        """A spoken question is recognised and answered."""
        since = await self._ask("What time is it?", _starts("current_time"))
        heard, _ = await self.witness.line("user", "", since=since, limit=PATIENCE)
        answer = await self._answer("", since=since)
        return f'understood "{heard.text}"; {answer}'

    async def add(self) -> str:
        """A spoken request runs a tool; the answer uses its result."""
        since = await self._ask("Add two and five slowly.", _starts("delayed_add"))
        ran, since = await self.witness.mark("tool_output_sent", since=since, limit=PATIENCE)
        answer = await self._answer("seven|7", since=since)
        return f"the tool {ran.fields.get('tool', 'of the model')} ran; {answer}"

    async def photograph(self) -> str:
        """A picture is taken and truthfully described."""
        since = self.witness.now()
        await self.actor.press(Button.PHOTO)
        sent, since = await self.witness.mark("photo_sent", since=since, limit=PATIENCE)
        answer = await self._answer(PICTURE_WORDS, since=since)
        return f"{int(sent.fields['bytes']) // 1000} kB sent; {answer}"

    async def interrupt(self) -> str:
        """Speaking over a long answer stops it."""
        since = await self._ask("Please count from one to twenty.", _counts)
        _, since = await self.witness.mark("playback_started", since=since, limit=PATIENCE)
        since = await self.witness.loud(COUNTED, since=since, limit=PATIENCE, dbfs=AUDIBLE_DBFS)
        await self.actor.speak("Stop.")
        _, since = await self.witness.mark("barge_in", since=since, limit=PATIENCE)
        # What the service says to "stop" may be nothing; the typed request comes after it.
        _, since = await self.witness.line("user", "", since=since, limit=PATIENCE)
        cut = [
            line for line in self.witness.transcript() if line.interrupted and COUNTS in line.text
        ]
        if not cut:
            raise NotSeenError("the counting was not marked as interrupted")
        last = cut[0].text.strip(" .").rpartition(" ")[2]
        return f'it counted to "{last}" and fell silent'

    async def type_a_request(self) -> str:
        """A typed request takes the same way as a spoken one."""
        since = self.witness.now()
        self.actor.post(Say("make hello world upper case"))
        _, since = await self.witness.mark("tool_output_sent", since=since, limit=PATIENCE)
        return await self._answer("hello world", since=since)

    async def hang_up(self) -> str:
        """The button ends the call, here and at the service."""
        since = self.witness.now()
        await self.actor.press(Button.CALL)

        def idle(message: object) -> Model | None:
            return message if isinstance(message, Model) and message.phase == Idle() else None

        await self.witness.until("the end of the call", idle, since=since, limit=PATIENCE)
        try:
            async with asyncio.timeout(PATIENCE):
                await self.actor.hung_up()
        except TimeoutError as error:
            raise NotSeenError("the service never got the hang-up") from error
        return "the service knows it too; microphone closed"

    async def _ask(self, text: str, understood: Callable[[object], bool]) -> int:
        """Say `text`, and again if it was not understood, as a person does.

        `understood`: whether a message of the hub shows that it was. Return the place in the story
        before it was said. Nobody says a thing again into an answer that is still spoken.
        """
        for _ in range(TRIES):
            spoke = False

            def outcome(message: object) -> bool | None:
                nonlocal spoke
                if understood(message):
                    return True
                match message:
                    case Model(phase=Live(turn=Turn.USER_SPEAKING)):
                        spoke = True
                    case Model(phase=Live(turn=Turn.LISTENING)) if spoke:
                        return False  # the answer to something else is over
                    case _:
                        pass
                return None

            since = self.witness.now()
            await self.actor.speak(text)
            with suppress(NotSeenError):  # not a word of it arrived
                if (await self.witness.until("", outcome, since=since, limit=PATIENCE))[0]:
                    return since
        raise NotSeenError(f'"{text}" was said {TRIES} times and not understood')

    async def _answer(self, words: str, *, since: int) -> str:
        """Wait for a spoken answer with one of `words` in it, heard to its end."""
        line, place = await self.witness.line("assistant", words, since=since, limit=PATIENCE)
        await self.witness.mark("playback_stopped", since=place, limit=PATIENCE)
        loudest = self.witness.loudest(since)
        if loudest < AUDIBLE_DBFS:
            raise NotSeenError(f"the answer was not heard: {loudest:.0f} dBFS at the speaker")
        return f'heard "{line.text}" at {loudest:.0f} dBFS'


def _starts(tool: str) -> Callable[[object], bool]:
    """Return what tells whether a message is that this tool begins."""

    def found(message: object) -> bool:
        return (
            isinstance(message, Mark)
            and message.name == "tool_started"
            and message.fields.get("tool") == tool
        )

    return found


def _counts(message: object) -> bool:
    return isinstance(message, Entry) and message.role == "assistant" and COUNTS in message.text


async def perform(visit: Visit, view: View) -> list[Step]:
    """Do every step in order and show it; after one that failed the rest is not tried."""
    done: list[Step] = []
    for title, action in visit.script():
        view.step(Step(title))
        began = monotonic()
        try:
            step = Step(title, ok=True, found=await action())
        except NotSeenError as error:
            step = Step(title, ok=False, found=f"{error}.")
        done.append(Step(step.title, step.ok, monotonic() - began, step.found))
        view.step(done[-1])
        if not step.ok:
            break
    return done
