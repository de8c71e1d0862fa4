"""Whatever happened before, planning and doing again and again settles, and soon."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioning import doubt
from provisioning import plan as planning
from provisioning.plan import Action, Feature, Operation, Recorded, Rules, State

ALL = frozenset(Feature)
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TAKES = frozenset({Operation.DEACTIVATE, Operation.DELETE})
GIVES = frozenset({Operation.CREATE, Operation.UPDATE, Operation.REACTIVATE, Operation.ADOPT})
NEEDS = {
    Operation.CREATE: {Feature.CREATE_USERS},
    Operation.UPDATE: {Feature.UPDATE_USERS},
    Operation.DEACTIVATE: {Feature.DEACTIVATE_USERS},
    Operation.DELETE: {Feature.DELETE_USERS},
}
# At most: give back, bring up to date, see that nothing is left; or look up, off, wait, delete.
FEW = 6
# On a busy machine an example may take its time.
unhurried = settings(deadline=None)


@dataclass
class Modelled:
    """One account as the application holds it, and what the portal recorded of it."""

    recorded: Recorded
    # What is there: None for no account.
    held: dict[str, Any] | None = None
    active: bool = False
    # Whether DELETE does more there than switching off.
    removes: bool = True
    now: datetime = START

    def do(self, action: Action, desired: Mapping[str, Any], *, arrives: bool, told: bool) -> None:
        """Carry the action out if it `arrives`, and record it if the answer came."""
        if action.operation is not Operation.RESOLVE:
            self._doubt(doubt.sending(self._doubts(), action, desired=desired, identifying=[]))
        if arrives:
            self._happen(action, desired)
        if arrives and told:
            self._record(action, desired)

    def _doubts(self) -> doubt.Doubt:
        recorded = self.recorded
        return {"operations": list(recorded.doubts), "paths": list(recorded.doubtful)}

    def _doubt(self, now: doubt.Doubt) -> None:
        self.recorded = replace(
            self.recorded, doubts=doubt.operations(now), doubtful=doubt.paths(now)
        )

    def _happen(self, action: Action, desired: Mapping[str, Any]) -> None:
        match action.operation:
            case Operation.CREATE if self.held is None:
                self.held, self.active = _present(desired), True
            case Operation.UPDATE if self.held is not None:
                sent = {change.path: change.new for change in action.changes}
                self.held = _present(self.held | sent)
            case Operation.DEACTIVATE | Operation.REACTIVATE if self.held is not None:
                self.active = action.operation is Operation.REACTIVATE
            case Operation.DELETE if not self.removes:
                self.active = False
            case Operation.DELETE:
                self.held, self.active = None, False

    def _record(self, action: Action, desired: Mapping[str, Any]) -> None:
        if self.held is None:
            self.recorded = Recorded(State.GONE, has_remote=False, applied={})
        elif action.operation in {Operation.CREATE, Operation.RESOLVE, Operation.UPDATE}:
            state = State.ACTIVE if self.active else State.SUSPENDED
            self.recorded = Recorded(state, has_remote=True, applied=dict(self.held))
        else:
            on = action.operation is Operation.REACTIVATE
            self.recorded = replace(
                self.recorded,
                state=State.ACTIVE if on else State.SUSPENDED,
                deprovisioned_at=None if on else self.now,
            )
            self._doubt(doubt.settled(self._doubts(), action.operation))


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value for path, value in values.items() if value is not None}


def decide(model: Modelled, wanted: bool, desired: Mapping[str, Any], rules: Rules) -> Action:
    return planning.plan(model.recorded, wanted=wanted, desired=desired, rules=rules, now=model.now)


def settle(model: Modelled, wanted: bool, desired: Mapping[str, Any], rules: Rules) -> Action:
    """Plan and do until there is nothing to do, waiting for the day where the plan says so."""
    for _ in range(FEW):
        action = decide(model, wanted, desired, rules)
        if action.not_before is not None:
            model.now = action.not_before
        elif action.operation is Operation.NOTHING:
            return action
        else:
            model.do(action, desired, arrives=True, told=True)
    raise AssertionError(f"not settled after {FEW} steps: {model}")


values = st.fixed_dictionaries(
    {"userName": st.sampled_from(["ann", "ann.oak"]), "title": st.sampled_from(["Boss", None])}
)
rules = st.builds(
    Rules,
    features=st.frozensets(st.sampled_from(Feature)),
    delete_after=st.sampled_from([timedelta(0), timedelta(days=30)]),
    removes=st.booleans(),
)
# wanted, what should be there, whether the request arrives, whether the answer does
history = st.lists(st.tuples(st.booleans(), values, st.booleans(), st.booleans()), max_size=8)
NOBODY = Recorded(State.ABSENT, has_remote=False, applied={})


def lived(past: list[tuple[bool, dict[str, Any], bool, bool]], rules: Rules) -> Modelled:
    """An account after these changes of mind and lost answers; every step is judged."""
    model = Modelled(NOBODY, removes=rules.removes)
    for wanted, desired, arrives, told in past:
        action = decide(model, wanted, desired, rules)
        operation = action.operation
        assert operation not in (TAKES if wanted else GIVES)
        assert NEEDS.get(operation, set()) <= set(rules.features)
        if operation is not Operation.NOTHING:
            model.do(action, desired, arrives=arrives, told=told)
    return model


@unhurried
@given(past=history, rules=rules, wanted=st.booleans(), desired=values)
def test_planning_and_doing_ends_and_stays_at_nothing(
    past: list[tuple[bool, dict[str, Any], bool, bool]],
    rules: Rules,
    wanted: bool,
    desired: dict[str, Any],
) -> None:
    model = lived(past, rules)
    last = settle(model, wanted, desired, rules)
    assert decide(model, wanted, desired, rules) == last


CLERK, BOSS = {"userName": "ann", "title": None}, {"userName": "ann", "title": "Boss"}
MADE, CHANGED = (True, CLERK, True, True), (True, BOSS, True, True)
LOST_CREATE, LOST_CHANGE = (True, CLERK, True, False), (True, BOSS, True, False)
OFF, LOST_OFF, LOST_ON = (False, CLERK, True, True), (False, CLERK, True, False), LOST_CREATE
NEVER_OFF = (False, CLERK, False, False)


@unhurried
@given(past=history, days=st.sampled_from([0, 30]), wanted=st.booleans(), desired=values)
@example(past=[LOST_CREATE], days=30, wanted=False, desired={})
@example(past=[MADE, LOST_CHANGE], days=30, wanted=True, desired=CLERK)
@example(past=[MADE, LOST_OFF], days=30, wanted=True, desired=CLERK)
@example(past=[MADE, OFF, LOST_ON], days=30, wanted=False, desired={})
@example(past=[MADE, OFF], days=30, wanted=True, desired=CLERK)
@example(past=[MADE, LOST_OFF], days=0, wanted=True, desired=CLERK)
def test_with_every_feature_on_the_application_ends_up_right(
    past: list[tuple[bool, dict[str, Any], bool, bool]],
    days: int,
    wanted: bool,
    desired: dict[str, Any],
) -> None:
    allowed = Rules(ALL, timedelta(days=days))
    model = lived(past, allowed)
    settle(model, wanted, desired, allowed)
    assert (model.held, model.active) == ((_present(desired), True) if wanted else (None, False))


@unhurried
@given(past=history)
@example(past=[LOST_CREATE])
@example(past=[MADE, OFF, LOST_ON])
@example(past=[CHANGED, LOST_OFF])
@example(past=[MADE, OFF, LOST_ON, NEVER_OFF])
def test_without_deletion_who_leaves_is_switched_off_and_nothing_is_lost(
    past: list[tuple[bool, dict[str, Any], bool, bool]],
) -> None:
    allowed = Rules(ALL - {Feature.DELETE_USERS}, timedelta(0))
    model = lived(past, allowed)
    held = model.held
    settle(model, False, {}, allowed)
    assert (model.held, model.active) == (held, False)


@pytest.mark.parametrize(
    ("wanted", "harmful"),
    [(True, TAKES), (False, GIVES)],
    ids=["nothing is taken from who should have it", "nothing is given to who should not"],
)
@unhurried
@given(
    state=st.sampled_from(State),
    has_remote=st.booleans(),
    applied=values.map(_present),
    doubts=st.sets(st.sampled_from(Operation)),
    doubtful=st.sets(st.sampled_from(["userName", "title"])),
    since=st.none() | st.just(START - timedelta(days=365)),
    desired=values,
    allowed=rules,
)
def test_in_no_state_at_all(
    wanted: bool,
    harmful: Collection[Operation],
    state: State,
    has_remote: bool,
    applied: dict[str, Any],
    doubts: set[Operation],
    doubtful: set[str],
    since: datetime | None,
    desired: dict[str, Any],
    allowed: Rules,
) -> None:
    recorded = Recorded(state, has_remote, applied, doubts, doubtful, since)
    action = decide(Modelled(recorded), wanted, desired, allowed)
    assert action.operation not in harmful
    assert NEEDS.get(action.operation, set()) <= set(allowed.features)
