"""Bring-up: in order, with a sentence on failure, up again after a restart, and down in reverse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from care_robot.bringup.lifecycle import Bringup, Limits, State, Step, Transition

NAMES = ["camera", "tracker", "detector"]
LIMITS = Limits(stuck_s=60.0, reason_s=3.0, retry_s=5.0, stop_s=2.5, listen_s=0.0)
CONFIGURE, ACTIVATE, DEACTIVATE = Transition.CONFIGURE, Transition.ACTIVATE, Transition.DEACTIVATE
LEGAL = {CONFIGURE: State.UNCONFIGURED, ACTIVATE: State.INACTIVE, DEACTIVATE: State.ACTIVE}
RESULT = {CONFIGURE: State.INACTIVE, ACTIVATE: State.ACTIVE, DEACTIVATE: State.INACTIVE}


class World:
    """Nodes that answer, and the time."""

    def __init__(self, names: list[str]) -> None:
        self.now_s = 100.0
        self.states: dict[str, State | None] = dict.fromkeys(names, State.UNCONFIGURED)
        self.bringup = Bringup(names, self.now_s, LIMITS)
        self.refuses: dict[str, Transition] = {}
        self.done: list[Step] = []

    def look(self) -> None:
        self.now_s += 1.0
        for name, state in self.states.items():
            self.bringup.saw(name, state, self.now_s, self.now_s)

    def carry_out(self, step: Step) -> None:
        self.now_s += 0.1
        ok = self.refuses.get(step.node) is not step.transition
        if ok:
            self.states[step.node] = RESULT[step.transition]
            self.done.append(step)
        self.bringup.answered(step, ok, self.now_s)

    def go(self, looks: int = 1) -> None:
        """Look around and carry out everything that is asked for."""
        for _ in range(looks):
            self.look()
            while steps := self.bringup.steps(self.now_s):
                for step in steps:
                    self.carry_out(step)


@pytest.fixture
def world() -> World:
    return World(NAMES)


@pytest.fixture
def running(world: World) -> World:
    world.go()
    assert world.bringup.active
    world.done.clear()
    return world


def steps(transition: Transition, *names: str) -> list[Step]:
    return [Step(name, transition) for name in names]


def test_all_are_configured_in_order_and_then_activated_in_order(world: World) -> None:
    world.go()
    assert world.done == steps(CONFIGURE, *NAMES) + steps(ACTIVATE, *NAMES)
    assert world.bringup.active
    assert world.bringup.problems() == []


def test_a_node_that_comes_late_holds_up_those_after_it(world: World) -> None:
    world.states["tracker"] = None
    world.go()
    assert world.done == steps(CONFIGURE, "camera")
    world.states["tracker"] = State.UNCONFIGURED
    world.go()
    assert world.bringup.active


def test_one_transition_at_a_time_at_start(world: World) -> None:
    world.look()
    assert len(world.bringup.steps(world.now_s)) == 1
    assert world.bringup.steps(world.now_s) == []


def test_a_node_that_is_on_its_way_already_is_not_asked_again(world: World) -> None:
    world.states["camera"] = State.ACTIVE
    world.go()
    assert Step("camera", CONFIGURE) not in world.done
    assert world.bringup.active


def test_a_refusal_at_start_fails_with_the_nodes_own_words(world: World) -> None:
    world.refuses["tracker"] = CONFIGURE
    world.go()
    assert world.bringup.failure(world.now_s) is None
    world.bringup.explained("tracker", "The parameter 'cameras' is empty; name a camera.")
    sentence = "tracker could not be configured: The parameter 'cameras' is empty; name a camera."
    assert world.bringup.failure(world.now_s) == sentence
    assert Step("detector", CONFIGURE) not in world.done


def test_a_refusal_without_words_fails_too(world: World) -> None:
    world.refuses["camera"] = ACTIVATE
    world.go()
    assert "camera could not be activated" in str(world.bringup.failure(world.now_s + 3.1))


def test_words_said_before_the_refusal_are_not_its_reason(world: World) -> None:
    world.look()
    world.bringup.explained("camera", "old trouble")
    world.refuses["camera"] = CONFIGURE
    world.go()
    assert world.bringup.failure(world.now_s) is None


@pytest.mark.parametrize("state", [None, State.BUSY, State.FINALIZED])
def test_a_node_that_never_gets_ready_fails_the_start(world: World, state: State | None) -> None:
    world.states["detector"] = state
    world.go(30)
    assert world.bringup.failure(world.now_s) is None
    world.go(40)
    assert world.bringup.failure(world.now_s) == "detector was not ready within 60 s; its output may say why"


def test_a_node_that_never_answers_fails_the_start(world: World) -> None:
    world.look()
    assert world.bringup.steps(world.now_s) == steps(CONFIGURE, "camera")
    assert world.bringup.failure(world.now_s + 59.0) is None
    assert "camera was not ready" in str(world.bringup.failure(world.now_s + 61.0))


def test_a_transition_that_was_not_heard_is_asked_for_again_but_not_for_ever(world: World) -> None:
    asked = 0
    for _ in range(70):
        world.look()
        asked += len(world.bringup.steps(world.now_s))
    assert asked > 10
    assert "camera was not ready" in str(world.bringup.failure(world.now_s))


def test_one_question_may_overtake_a_transition(world: World) -> None:
    world.look()
    assert world.bringup.steps(world.now_s) == steps(CONFIGURE, "camera")
    world.look()
    assert world.bringup.steps(world.now_s) == []


def test_an_answer_that_got_lost_is_seen_in_the_state(world: World) -> None:
    world.look()
    assert world.bringup.steps(world.now_s) == steps(CONFIGURE, "camera")
    world.states["camera"] = State.INACTIVE
    world.look()
    assert world.bringup.steps(world.now_s) == steps(CONFIGURE, "tracker")


def test_a_state_asked_before_the_transition_does_not_count(world: World) -> None:
    world.look()
    (step,) = world.bringup.steps(world.now_s)
    asked_s = world.now_s
    world.carry_out(step)
    world.bringup.saw("camera", State.UNCONFIGURED, asked_s, world.now_s)
    assert world.bringup.steps(world.now_s) == steps(CONFIGURE, "tracker")


def test_a_node_started_again_is_brought_up_while_the_others_go_on(running: World) -> None:
    running.states["camera"] = State.UNCONFIGURED
    running.look()
    assert running.bringup.problems() == ["camera is being brought up"]
    running.go()
    assert running.done == [Step("camera", CONFIGURE), Step("camera", ACTIVATE)]
    assert running.bringup.active


def test_a_node_that_is_gone_is_reported_and_ends_nothing(running: World) -> None:
    running.states["camera"] = None
    running.go(100)
    assert running.bringup.problems() == ["camera is not there or does not answer; its output may say why"]
    assert running.bringup.failure(running.now_s) is None


def test_a_node_that_answers_nothing_is_reported_until_it_does(running: World) -> None:
    running.bringup.missed("camera", running.now_s + 1.0, running.now_s + 4.0)
    assert "does not answer" in running.bringup.problems()[0]
    running.go(5)
    assert running.bringup.active
    assert running.done == []


def test_a_node_in_a_transition_need_not_answer(running: World) -> None:
    running.states["camera"] = State.UNCONFIGURED
    running.look()
    (step,) = running.bringup.steps(running.now_s)
    running.bringup.missed("camera", running.now_s + 1.0, running.now_s + 4.0)
    assert running.bringup.steps(running.now_s + 5.0) == []
    running.carry_out(step)
    running.go()
    assert running.bringup.active


def test_a_refusal_later_is_reported_and_tried_again(running: World) -> None:
    running.states["camera"] = State.UNCONFIGURED
    running.refuses["camera"] = CONFIGURE
    running.go()
    running.bringup.explained("camera", "no picture")
    assert running.bringup.problems() == ["camera could not be configured: no picture"]
    assert running.bringup.failure(running.now_s + 1e6) is None
    running.refuses.clear()
    running.go(3)
    assert running.done == []
    running.go(3)
    assert running.bringup.active


def test_a_reason_stands_until_the_next_attempt_succeeds(running: World) -> None:
    running.states["camera"] = State.UNCONFIGURED
    running.refuses["camera"] = CONFIGURE
    running.go()
    running.bringup.explained("camera", "no picture")
    for _ in range(20):
        running.go()
        assert running.bringup.problems() == ["camera could not be configured: no picture"]


def test_an_answer_after_its_time_out_changes_nothing(running: World) -> None:
    running.states["camera"] = State.UNCONFIGURED
    running.look()
    (step,) = running.bringup.steps(running.now_s)
    running.bringup.steps(running.now_s + 61.0)
    running.bringup.answered(step, True, running.now_s + 62.0)
    assert "no answer within 60 s" in running.bringup.problems()[0]


def test_no_answer_later_is_reported_and_tried_again(running: World) -> None:
    running.states["camera"] = State.UNCONFIGURED
    running.look()
    assert running.bringup.steps(running.now_s) == steps(CONFIGURE, "camera")
    running.now_s += 61.0
    assert running.bringup.steps(running.now_s) == []
    assert "no answer within 60 s" in running.bringup.problems()[0]
    running.now_s += 6.0
    assert running.bringup.steps(running.now_s) == steps(CONFIGURE, "camera")


def test_nodes_are_deactivated_in_reverse(running: World) -> None:
    running.bringup.stop(running.now_s)
    assert not running.bringup.stopped(running.now_s)
    running.go()
    assert running.done == steps(DEACTIVATE, *reversed(NAMES))
    assert running.bringup.stopped(running.now_s)
    assert running.bringup.problems() == []


def test_a_stop_during_the_start_brings_nothing_up_any_more(world: World) -> None:
    world.look()
    (step,) = world.bringup.steps(world.now_s)
    world.bringup.stop(world.now_s)
    assert not world.bringup.stopped(world.now_s)
    world.carry_out(step)
    world.go()
    assert world.done == steps(CONFIGURE, "camera")
    assert world.bringup.stopped(world.now_s)


def test_a_stop_does_not_wait_for_a_node_that_does_not_answer(running: World) -> None:
    running.bringup.stop(running.now_s)
    assert running.bringup.steps(running.now_s) == steps(DEACTIVATE, "detector")
    assert running.bringup.stopped(running.now_s + 2.6)


@pytest.fixture
def watching() -> World:
    """The world with a care_manager that activates itself."""
    world = World(NAMES)
    world.bringup = Bringup(NAMES, world.now_s, LIMITS, ["care_manager"])
    world.states["care_manager"] = None
    return world


def test_nothing_is_brought_up_before_what_activates_itself(watching: World) -> None:
    for state in (None, State.UNCONFIGURED, State.INACTIVE):
        watching.states["care_manager"] = state
        watching.go(3)
        assert watching.done == []
    watching.states["care_manager"] = State.ACTIVE
    watching.go()
    assert watching.done == steps(CONFIGURE, *NAMES) + steps(ACTIVATE, *NAMES)
    assert watching.bringup.active


def test_what_activates_itself_but_cannot_fails_the_start_with_its_words(watching: World) -> None:
    watching.go()
    watching.bringup.explained(
        "care_manager", "The database is in use by another care_manager; end that one."
    )
    sentence = "care_manager does not run: The database is in use by another care_manager; end that one."
    assert watching.bringup.failure(watching.now_s) == sentence


def test_what_activates_itself_but_never_comes_fails_the_start(watching: World) -> None:
    watching.go(30)
    assert watching.bringup.failure(watching.now_s) is None
    watching.go(40)
    assert "care_manager was not ready within 60 s" in str(watching.bringup.failure(watching.now_s))


def test_what_activates_itself_is_reported_but_left_alone(watching: World) -> None:
    watching.states["care_manager"] = State.ACTIVE
    watching.go()
    watching.done.clear()
    watching.states["care_manager"] = State.INACTIVE
    watching.go(10)
    assert watching.bringup.problems() == ["care_manager is being brought up"]
    watching.bringup.stop(watching.now_s)
    watching.go()
    assert watching.done == steps(DEACTIVATE, *reversed(NAMES))
    assert watching.bringup.stopped(watching.now_s)


def test_nothing_is_done_while_another_manager_may_be_heard() -> None:
    world = World(["camera"])
    world.bringup = Bringup(["camera"], world.now_s, Limits(listen_s=1.5))
    world.bringup.saw("camera", State.UNCONFIGURED, world.now_s, world.now_s)
    assert world.bringup.steps(world.now_s + 1.4) == []
    world.bringup.heard_rival("Another one runs.")
    assert world.bringup.steps(world.now_s + 1.6) == []
    assert world.bringup.failure(world.now_s + 1.6) == "Another one runs."


def test_what_runs_is_not_disturbed_by_another_manager(running: World) -> None:
    running.bringup.heard_rival("Another one runs.")
    assert running.bringup.failure(running.now_s) is None
    running.states["camera"] = State.UNCONFIGURED
    running.go()
    assert running.bringup.active


@settings(max_examples=60, deadline=None, stateful_step_count=40)
class Interleavings(RuleBasedStateMachine):
    """Nodes that come, go and answer in any order and late never get a transition that does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.real: dict[str, State | None] = dict.fromkeys(NAMES)
        self.asked: list[tuple[str, State | None, float]] = []
        self.flight: list[Step] = []
        self.bringup = Bringup(NAMES, 0.0, LIMITS)
        self.disturbed: set[str] = set()  # whose process was started a second time

    @rule(name=st.sampled_from(NAMES))
    def start_process(self, name: str) -> None:
        if self.real[name] is not None:
            self.disturbed.add(name)
        self.real[name] = State.UNCONFIGURED
        self.flight = [step for step in self.flight if step.node != name]

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name: str) -> None:
        self.now_s += 0.01
        self.asked.append((name, self.real[name], self.now_s))

    @precondition(lambda self: self.asked)
    @rule(index=st.integers(0, 50))
    def hear(self, index: int) -> None:
        self.now_s += 0.01
        name, state, asked_s = self.asked.pop(index % len(self.asked))
        self.bringup.saw(name, state, asked_s, self.now_s)

    @rule()
    def proceed(self) -> None:
        self.now_s += 0.01
        for step in self.bringup.steps(self.now_s):
            if step.node not in self.disturbed:
                assert self.real[step.node] is LEGAL[step.transition]
            self.flight.append(step)

    @precondition(lambda self: self.flight)
    @rule(index=st.integers(0, 50))
    def carry_out(self, index: int) -> None:
        self.now_s += 0.01
        step = self.flight.pop(index % len(self.flight))
        ok = self.real[step.node] is LEGAL[step.transition]
        if ok:
            self.real[step.node] = RESULT[step.transition]
        self.bringup.answered(step, ok, self.now_s)

    @invariant()
    def nobody_is_activated_before_all_are_configured(self) -> None:
        if State.ACTIVE in self.real.values() and not self.disturbed:
            assert all(state in (State.INACTIVE, State.ACTIVE) for state in self.real.values())

    def teardown(self) -> None:
        """Left in peace, every node becomes active."""
        self.asked.clear()
        for name in NAMES:
            self.real[name] = self.real[name] or State.UNCONFIGURED
        for _ in range(60):
            for step in list(self.flight):
                self.flight.remove(step)
                self.flight.append(step)
                self.carry_out(len(self.flight) - 1)
            self.now_s += 1.0
            for name in NAMES:
                self.bringup.saw(name, self.real[name], self.now_s, self.now_s)
            self.proceed()
        failed = self.disturbed and self.bringup.failure(self.now_s)
        assert set(self.real.values()) == {State.ACTIVE} or failed


TestInterleavings = Interleavings.TestCase


@given(st.permutations(NAMES), st.integers(0, 3))
def test_order_is_that_of_the_names_whatever_comes_first(names: list[str], missing: int) -> None:
    world = World(names)
    for name in names[:missing]:
        world.states[name] = None
    world.go()
    for name in names[:missing]:
        world.states[name] = State.UNCONFIGURED
    world.go()
    assert world.done == steps(CONFIGURE, *names) + steps(ACTIVATE, *names)
