"""When the access point goes up and makes way: every answer in the states where it can come."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.onboarding import machine
from appliance.onboarding.machine import (
    Answer,
    Attend,
    Attended,
    Chance,
    Close,
    Closed,
    End,
    Join,
    Joined,
    Look,
    Model,
    Open,
    Opened,
    Order,
    Scan,
    Scanned,
    Seen,
    step,
)
from appliance.onboarding.model import Choice, Network, Notice, Rescan, Security, Sight, Verdict

NOTHING = Sight(radio=True)
KNOWN = Sight(radio=True, known=True)
UP = Sight(radio=True, point=True)
JOINING = Sight(radio=True, known=True, joining=True)
ONLINE = Sight(radio=True, online=True)
HOME = Network(b"Home", 80, Security.PERSONAL)
CHOICE = Choice(b"Home", "correct horse")


@pytest.mark.parametrize("model", [Model(0.0, chance) for chance in Chance])
def test_a_network_ends_it_whenever_it_is_seen(model: Model) -> None:
    for answer in (
        Seen(ONLINE),
        Scanned((HOME,), ONLINE),
        Attended(ONLINE, company=True, wish=Rescan()),
    ):
        assert isinstance(step(model, answer, 1e4)[1], End)


@pytest.mark.parametrize(
    ("chance", "sight", "seconds"),
    [
        (Chance.START, NOTHING, machine.GRACE),
        (Chance.START, KNOWN, machine.PATIENCE),
        (Chance.TURN, KNOWN, machine.RETRY),
        (Chance.TROUBLE, NOTHING, machine.RETRY),
        (Chance.TROUBLE, KNOWN, machine.RETRY),
    ],
)
def test_networks_have_their_chance_before_anybody_listens(
    chance: Chance, sight: Sight, seconds: float
) -> None:
    model = Model(100.0, chance)
    assert step(model, Seen(sight), 100.0 + seconds - 0.1) == (model, Look(machine.LOOK))
    assert step(model, Seen(sight), 100.0 + seconds)[1] == Scan()


@pytest.mark.parametrize(("chance", "sight"), [(Chance.TURN, NOTHING), (Chance.NONE, KNOWN)])
def test_nobody_waits_for_what_cannot_come(chance: Chance, sight: Sight) -> None:
    assert step(Model(100.0, chance), Seen(sight), 100.0)[1] == Scan()


@pytest.mark.parametrize(
    ("chance", "seconds"),
    [(Chance.START, machine.PATIENCE)]
    + [(chance, machine.RETRY) for chance in Chance if chance is not Chance.START],
)
def test_without_a_radio_it_ends_but_not_before_one_had_its_time(
    chance: Chance, seconds: float
) -> None:
    """Its driver may start late, or start anew just when the point makes way."""
    model = Model(100.0, chance)
    assert step(model, Seen(Sight()), 100.0 + seconds - 1) == (model, Look(machine.LOOK))
    assert isinstance(step(model, Seen(Sight()), 100.0 + seconds)[1], End)


def test_a_scan_is_shown_with_what_went_wrong_before() -> None:
    notice = Notice(Verdict.PASSWORD, b"Home")
    model = Model(0.0, notice=notice)
    assert step(model, Scanned((HOME,), NOTHING), 5.0) == (model, Open((HOME,), notice))


@pytest.mark.parametrize("chance", [Chance.START, Chance.TURN, Chance.TROUBLE])
def test_a_known_network_that_listening_found_is_not_cut_off(chance: Chance) -> None:
    model, order = step(Model(0.0, chance), Scanned((HOME,), JOINING), 200.0)
    assert order == Look(machine.LOOK)
    assert step(model, Seen(JOINING), 199.0 + machine.RETRY)[1] == Look(machine.LOOK)
    model, order = step(model, Seen(JOINING), 200.0 + machine.RETRY)
    assert order == Scan()
    assert step(model, Scanned((HOME,), JOINING), 300.0)[1] == Open((HOME,), None)  # but once


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.JOINED])
def test_a_network_that_failed_brings_the_point_back_with_the_reason(verdict: Verdict) -> None:
    model, order = step(Model(0.0), Joined(CHOICE, verdict), 9.0)
    assert order == Scan()
    assert step(model, Scanned((HOME,), NOTHING), 12.0)[1] == Open(
        (HOME,), Notice(verdict, b"Home")
    )


def test_a_network_that_worked_ends_it() -> None:
    assert isinstance(step(Model(0.0), Joined(CHOICE, Verdict.JOINED), 9.0)[1], End)


def test_a_form_is_not_thrown_away_for_a_cable() -> None:
    model, order = step(after_opening(0.0), Attended(ONLINE, company=True, wish=CHOICE), 9.0)
    assert order == Join(CHOICE)
    model, order = step(model, Joined(CHOICE, Verdict.ABSENT), 99.0)
    assert isinstance(step(model, Scanned((HOME,), ONLINE), 110.0)[1], End)


def test_a_form_is_tried_and_the_old_reason_forgotten() -> None:
    model = Model(0.0, notice=Notice(Verdict.ABSENT, b"Home"))
    model, order = step(model, Attended(UP, company=True, wish=CHOICE), 9.0)
    assert order == Join(CHOICE)
    assert model.notice is None


def test_a_new_search_does_not_wait_for_known_networks() -> None:
    model, order = step(after_opening(0.0), Attended(UP, company=True, wish=Rescan()), 9.0)
    assert order == Close()
    model, order = step(model, Closed(), 12.0)
    assert order == Look(0.0)
    model, order = step(model, Seen(KNOWN), 12.5)
    assert order == Scan()
    assert step(model, Scanned((HOME,), JOINING), 14.0)[1] == Open((HOME,), None)


def after_opening(now: float) -> Model:
    """The point came up."""
    model, order = step(Model(0.0, Chance.TURN), Opened(well=True), now)
    assert order == Attend(machine.ATTEND)
    return model


def test_nobody_there_for_a_while_gives_the_known_networks_a_turn() -> None:
    model, alone = after_opening(1000.0), Attended(UP, company=False)
    assert step(model, alone, 1000.0 + machine.IDLE - 1)[1] == Attend(machine.ATTEND)
    model, order = step(model, alone, 1000.0 + machine.IDLE)
    assert order == Close()
    model, order = step(model, Closed(), 1310.0)
    assert order == Look(0.0)
    assert step(model, Seen(KNOWN), 1310.0)[1] == Look(machine.LOOK)
    assert step(model, Seen(KNOWN), 1310.0 + machine.RETRY)[1] == Scan()


def test_somebody_there_keeps_the_point_up_but_not_for_ever() -> None:
    model, there = after_opening(0.0), Attended(UP, company=True)
    now = 0.0
    while now + machine.ATTEND < machine.HOLD:
        now += machine.ATTEND
        model, order = step(model, there, now)
        assert order == Attend(machine.ATTEND)
    assert step(model, there, machine.HOLD)[1] == Close()


def test_a_point_that_is_gone_is_not_attended() -> None:
    model, order = step(after_opening(0.0), Attended(NOTHING, company=True), 9.0)
    assert order == Close()
    assert step(model, Closed(), 10.0)[1] == Look(0.0)
    assert step(model, Seen(NOTHING), 10.5)[1] == Scan()


def test_company_that_left_counts_from_when_it_left() -> None:
    model, _ = step(after_opening(0.0), Attended(UP, company=True), 200.0)
    assert step(model, Attended(UP, company=False), 200.0 + machine.IDLE - 1)[1] == Attend(
        machine.ATTEND
    )
    assert step(model, Attended(UP, company=False), 200.0 + machine.IDLE)[1] == Close()


def test_a_point_that_does_not_come_up_is_tried_again_later() -> None:
    model, order = step(Model(0.0, Chance.TURN), Opened(well=False), 50.0)
    assert order == Look(machine.LOOK)
    assert step(model, Seen(NOTHING), 53.0)[1] == Look(machine.LOOK)
    assert step(model, Seen(NOTHING), 50.0 + machine.RETRY)[1] == Scan()


class Turn(NamedTuple):
    """What the world is like when an order is answered."""

    sight: Sight
    well: bool
    company: bool
    wish: Choice | Rescan | None
    failure: Verdict
    seconds: float  # that the answer took

    def answer(self, order: Order) -> Answer:
        match order:
            case Look():
                return Seen(self.sight)
            case Scan():
                return Scanned((HOME,), self.sight)
            case Open():
                return Opened(self.well)
            case Attend():
                return Attended(UP if self.well else self.sight, self.company, self.wish)
            case Join(choice):
                return Joined(choice, self.failure)
            case Close():
                return Closed()
            case End():
                raise AssertionError(order)


TURNS = st.builds(
    Turn,
    st.builds(Sight, st.booleans(), st.just(value=False), st.booleans(), st.booleans()),
    st.sampled_from([*[True] * 7, False]),  # mostly well and in company, or nothing lasts long
    st.sampled_from([*[True] * 7, False]),
    st.sampled_from([*[None] * 14, CHOICE, Rescan()]),
    st.sampled_from([each for each in Verdict if each is not Verdict.JOINED]),
    st.floats(0.1, 1000.0),
)


@given(st.lists(TURNS, min_size=20, max_size=40))
def test_in_any_world_the_point_is_never_opened_twice_and_never_blocks_long(
    turns: list[Turn],
) -> None:
    now, opened = 0.0, None
    model, order = machine.begin(now)
    for turn in turns:
        if isinstance(order, End):
            return
        if isinstance(order, Open):
            assert opened is None
        if isinstance(order, Scan | Look):
            assert opened is None  # a radio that is an access point hears nothing
        answer = turn.answer(order)
        now += turn.seconds
        if isinstance(order, Open) and turn.well:
            opened = now
        if isinstance(order, Join | Close):
            opened = None
        model, order = step(model, answer, now)
        if opened is not None and isinstance(order, Attend):
            assert now - opened < machine.HOLD
