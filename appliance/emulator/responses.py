"""The responses of a session: one in the conversation, any number outside of it - pure."""

from collections.abc import Callable, Mapping
from typing import Final

from appliance.emulator import answers, usage
from appliance.emulator.hearing import Hearing
from appliance.emulator.items import Conversation, Item, created, fresh, total
from appliance.emulator.reply import Reply
from appliance.emulator.terms import means_of, terms_of
from appliance.emulator.wire import Hush, Json, Look, Outbox, Refusal

_NO_VOICE: Final = (
    "The emulator has no voice here; install the extra with: "
    "pip install 'voice-appliance[emulator]'."
)


class Responses:
    """Starts, thinks about and settles responses."""

    def __init__(
        self,
        box: Outbox,
        conversation: Conversation,
        hearing: Hearing,
        session: Callable[[], Json],
        *,
        voice: bool,
    ) -> None:
        """`session()`: the session as it is now; `voice`: speaking is possible."""
        self.active: Reply | None = None
        self.wanted = False  # a turn ended while a response was active
        self._box = box
        self._conversation = conversation
        self._hearing = hearing
        self._session = session
        self._voice = voice
        self._outside: dict[str, Reply] = {}  # by response id
        self._before = usage.Tokens()
        self._used = 0

    @property
    def waiting(self) -> bool:
        """The response waits for ears or eyes."""
        return self.active is not None and self.active.stage == "thinking"

    def create(self, given: Json) -> None:
        """What `response.create` asks for.

        Raises:
            Refusal: another one is active.
        """
        outside = given.get("conversation") == "none"
        if self.active is not None and not outside:
            raise Refusal(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: "
                f"{self.active.id}. Wait until the response is finished before creating a new one.",
            )
        self._start(given, outside=outside)

    def create_when_free(self) -> None:
        """A turn is over: answer it as soon as no other response is active."""
        self.wanted = True
        self._next()

    def cancel(self, response_id: str | None) -> None:
        """What `response.cancel` asks for; what was said may still be heard.

        Raises:
            Refusal: no such response is active.
        """
        reply = self._outside.get(response_id or "", self.active)
        if reply is None or response_id not in {None, reply.id}:
            message = "Cancellation failed: no active response found"
            raise Refusal("response_cancel_not_active", message)
        self._box.add(Hush(reply.id))
        reply.cut("client_cancelled", {})
        self.settle(reply)

    def interrupt(self, reason: str, heard: Mapping[str, int]) -> None:
        """Cancel the active response; its words end where they were heard."""
        if self.active is not None:
            self.wanted = False
            self.active.cut(reason, heard)
            self.settle(self.active)

    def think(self) -> None:
        """Go on with the responses for which everything is known by now."""
        for reply in [r for r in (self.active, *self._outside.values()) if r is not None]:
            self._think(reply)

    def settle(self, reply: Reply) -> None:
        """See what follows when this response has come to its end."""
        if reply.stage != "done":
            return
        self._hearing.flush()
        self._used += (reply.spent or {}).get("total_tokens", 0)
        self._box.send("rate_limits.updated", rate_limits=usage.rate_limits(self._used))
        self._outside.pop(reply.id, None)
        if reply is self.active:
            self.active = None
            self._next()

    def speaking(self, item_id: str) -> Reply | None:
        """The response that is saying this item."""
        replies = (self.active, *self._outside.values())
        return next((r for r in replies if r is not None and r.message_id == item_id), None)

    def inputs(self) -> list[Item]:
        """Items that exist only as input of a response."""
        replies = (self.active, *self._outside.values())
        return [item for reply in replies if reply is not None for item in reply.inputs or ()]

    def _next(self) -> None:
        if self.wanted and self.active is None:
            self._start({}, outside=False)

    def _start(self, given: Json, *, outside: bool) -> None:
        conversation = None if outside else self._conversation
        reply = Reply(self._box, terms_of(self._session(), given), conversation)
        if "input" in given:
            reply.inputs = [self._input(item) for item in given["input"]]
        if outside:
            self._outside[reply.id] = reply
        else:
            self.active, self.wanted = reply, False
        reply.open()
        self._think(reply)

    def _input(self, given: Json) -> Item:
        if given["type"] == "item_reference":
            return self._conversation.get(given["id"], "retrieve")
        item, pictures = created(given, self._box.ids.make("item"))
        for picture in pictures:
            self._box.add(Look(item.id, picture))
        return item

    def _think(self, reply: Reply) -> None:
        items = list(self._conversation) if reply.inputs is None else reply.inputs
        news = fresh(items)
        if reply.stage != "thinking" or any(item.pending for item in news):
            return
        earlier = items[: len(items) - len(news)]
        instructions = reply.terms.instructions or self._session()["instructions"]
        reply.given = total(items) + usage.Tokens(usage.text_tokens(instructions))
        reply.before, self._before = self._before, reply.given
        plan = answers.plan(news, earlier, means_of(reply.terms))
        if reply.terms.modality == "audio" and plan.say and not self._voice:
            reply.fail("server_error", _NO_VOICE)
        else:
            reply.begin(plan)
        self.settle(reply)
