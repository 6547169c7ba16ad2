"""The model as the API says it."""

from appliance.console.views import view_model
from appliance.core.model import Idle, Live, Model, Notice, Problem

GONE = Problem("network", "The network is gone.", "Wait.")
UNSENT = Problem("network", "It was not sent.", "Say it again.")


def test_what_just_failed_is_the_problem_for_a_moment() -> None:
    for phase in (Live(1), Idle(GONE)):
        problem = view_model(Model(phase, notice=Notice(UNSENT))).problem
        assert problem is not None
        assert (problem.cause, problem.cure) == (UNSENT.cause, UNSENT.cure)


def test_a_photo_taken_hides_no_problem() -> None:
    problem = view_model(Model(Idle(GONE), notice=Notice())).problem
    assert problem is not None
    assert problem.cause == GONE.cause
