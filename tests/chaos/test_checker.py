"""Each kind of violation is found, in journals and targets written by hand."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos import checker
from tests.chaos.checker import Entry, Row, Run, Wanted

ANN = "p1-0@example.org"
STRANGER = {"id": "s", "userName": "stranger-1@example.org", "active": True}


def document(name: str = ANN, /, **values: Any) -> dict[str, Any]:
    return {"id": "a", "userName": name, "active": True, **values}


def wanted(name: str = ANN, **values: Any) -> Wanted:
    return Wanted("loose", name, {"userName": name, **values})


def entry(kind: str = "create", at: float = 10.0, **values: Any) -> Entry:
    told = {"changed": True, "name": ANN, "remote_id": "a", "pid": 7}
    times = {"at": at, "began": at - 0.1, "ended": at + 0.1}
    return Entry("loose", kind, **{**times, **told, "correlation": "c", **values})


def row(
    operation: str = "create", at: float = 11.0, name: str = ANN, correlation: str = "c"
) -> Row:
    return Row("loose", operation, name, at, correlation)


CLEAN = Run(
    wanted=[wanted(title="Clerk")],
    targets={"loose": [document(title="Clerk"), STRANGER]},
    journal=[entry()],
    rows=[row()],
    strangers={"s": STRANGER},
)


def kinds(run: Run) -> list[str]:
    return sorted(checker.counted(checker.check(run)).elements())


def test_a_run_in_which_all_went_well_has_no_violation():
    assert kinds(CLEAN) == []


# ------------------------------------------------------------------------------ the states


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ([], ["missing"]),
        ([document(title="Cook")], ["wrong"]),
        ([document()], ["wrong"]),
        ([document(title="Clerk", active=False)], ["wrong"]),
        ([document("p1-7@example.org", title="Clerk")], ["wrong"]),
        ([document(title="Clerk"), document("p2-0@example.org", id="b")], ["wrong"]),
        ([document(title="Clerk"), document("p2-0@example.org", id="b", active=False)], []),
        ([document(title="Clerk"), document(title="Clerk", id="b")], ["duplicates"]),
        ([document(title="Clerk"), document(id="b", active=False)], ["duplicates"]),
        ([document(title="Clerk"), document("p1-4@example.org", id="b")], ["duplicates"]),
        ([document(title="Clerk"), document("p1-4@example.org", id="b", active=False)], []),
    ],
)
def test_the_target_is_held_against_what_should_be(there, found):
    assert kinds(replace(CLEAN, targets={"loose": [*there, STRANGER]})) == found


def test_two_accounts_with_one_external_id_are_one_too_many():
    there = [document(title="Clerk", externalId="x"), document("q", id="b", externalId="x")]
    assert kinds(replace(CLEAN, targets={"loose": [*there, STRANGER]})) == ["duplicates"]


def test_who_should_have_what_follows_from_policies_groups_and_people():
    people = [
        {"id": 1, "username": "p1", "is_active": True, "title": "", "custom": {"c": "Acme"}},
        {"id": 2, "username": "p2", "is_active": False, "title": "", "custom": {}},
        {"id": 3, "username": "p3", "is_active": True, "title": "", "custom": {}},
    ]
    found = checker.desired(
        people=people,
        memberships=[(1, 5), (2, 5), (1, 6), (3, 7)],
        policies=[("loose", 5), ("loose", 6)],
        mappings={"loose": {"userName": "username", "title": "title", "x": "custom.c"}},
    )
    assert found == [Wanted("loose", "p1", {"userName": "p1", "title": None, "x": "Acme"})]


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("userName", ANN),
        ("name.givenName", "Ann"),
        ("name.familyName", None),
        ('emails[type eq "work"].value', "ann@example.org"),
        ('phoneNumbers[type eq "work"].value', None),
        ("urn:example:2.0:User:organization", "Acme"),
    ],
)
def test_values_are_read_from_where_they_are_mapped_to(target, value):
    held = document(
        name={"givenName": "Ann"},
        emails=[{"type": "home", "value": "no"}, {"type": "work", "value": "ann@example.org"}],
        **{"urn:example:2.0:User": {"organization": "Acme"}},
    )
    assert checker.held(held, target) == value


# ---------------------------------------------------------------------------- the strangers


@pytest.mark.parametrize("kind", ["update", "deactivate", "reactivate", "delete"])
def test_a_write_to_a_stranger_is_found_even_without_an_effect(kind):
    write = entry(kind, at=12, remote_id="s", name="stranger-1@example.org", changed=False)
    assert kinds(replace(CLEAN, journal=[*CLEAN.journal, write])) == ["touched_strangers"]


@pytest.mark.parametrize("there", [[], [{**STRANGER, "title": "Clerk"}]])
def test_a_stranger_that_is_gone_or_another_one_is_found(there):
    run = replace(CLEAN, targets={"loose": [document(title="Clerk"), *there]})
    assert kinds(run) == ["touched_strangers"]


@pytest.mark.parametrize(("adopted_at", "found"), [(9.0, []), (11.0, ["touched_strangers"])])
def test_an_account_may_be_written_to_once_it_is_adopted(adopted_at, found):
    run = replace(
        CLEAN,
        adoptable={"a": document()},
        journal=[entry("update")],
        rows=[row("adopt", at=adopted_at), row("update", at=12.0)],
    )
    assert kinds(run) == found


def test_an_account_that_was_never_adopted_belongs_to_nobody():
    left = document("p2-0@example.org", id="b")
    run = replace(
        CLEAN,
        adoptable={"b": left},
        targets={"loose": [document(title="Clerk"), left, STRANGER]},
    )
    assert kinds(run) == []


# ------------------------------------------------------------------------------ the journal


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (entry("deactivate", at=10.15), ["concurrent"]),
        (entry("deactivate", at=10.3), []),
        (entry("deactivate", at=10.15, remote_id="b"), []),
    ],
)
def test_two_writes_to_one_account_may_not_overlap(second, found):
    run = replace(CLEAN, journal=[entry("update"), second])
    assert [each.kind for each in checker.concurrent(run)] == found


def test_two_creates_for_one_person_may_not_overlap():
    both = [entry(external_id="x", remote_id="a"), entry(at=10.1, external_id="x", remote_id="b")]
    assert [each.kind for each in checker.concurrent(Run(journal=both))] == ["concurrent"]


def test_reading_may_overlap_with_anything():
    assert not checker.concurrent(Run(journal=[entry("update"), entry("find")]))


# ------------------------------------------------------------------------------- the report


def reported(journal: list[Entry], rows: list[Row], **more: Any) -> list[str]:
    return [each.kind for each in checker.unreported(Run(journal=journal, rows=rows, **more))]


def test_an_effect_without_a_row_is_found():
    assert reported([entry()], []) == ["unreported"]


def test_a_row_from_before_the_effect_does_not_count():
    lost = entry("update", fault="lost-after")
    assert reported([lost], [row("update", at=9)]) == ["unreported"]


def test_a_row_about_somebody_else_does_not_count():
    assert reported([entry()], [row(name="p2-0@example.org")]) == ["unreported"]


@pytest.mark.parametrize("other", [row("deactivate"), row("update", correlation="d")])
def test_an_answered_effect_needs_the_row_that_its_own_request_led_to(other):
    assert reported([entry("update")], [other]) == ["unreported"]
    assert reported([entry("update")], [other, row("update")]) == []


@pytest.mark.parametrize(
    "lost", [{"fault": "lost-after"}, {"pid": 8}, {"fault": "mute-after", "pid": 8}]
)
def test_an_effect_whose_answer_was_lost_is_covered_by_a_later_row(lost):
    effect = entry("update", **lost)
    blows = [(8, 10.2)]
    assert reported([effect], [row("deactivate", at=30)], blows=blows) == []
    assert reported([effect], [row("create", at=30)], blows=blows) == ["unreported"]
    assert reported([effect], [], blows=blows) == ["unreported"]


def test_only_a_kill_around_an_effect_excuses_a_missing_row():
    later = row("delete", correlation="d")
    assert reported([entry("update")], [later], blows=[(7, 20.0)]) == ["unreported"]
    assert reported([entry("update")], [later], blows=[(7, 9.5)]) == []


def test_the_rows_of_a_renamed_person_are_still_theirs():
    assert reported([entry("update")], [row("update", name="p1-9@example.org")]) == []


@pytest.mark.parametrize(
    ("journal", "rows", "found"),
    [
        ([entry()], [row(correlation="d")], ["invented"]),
        ([entry("find")], [row()], ["invented"]),
        ([entry(at=12)], [row()], ["invented"]),
        ([entry()], [row(), row(at=12)], ["invented"]),
        ([entry(changed=False)], [row()], ["invented"]),
        ([entry("update", changed=False)], [row("update")], []),
        ([entry("update", status=500)], [row("update")], ["invented"]),
        ([entry("delete", name="", status=404), entry()], [row("delete")], []),
        ([entry("find")], [row("adopt")], []),
        ([], [row("adopt")], ["invented"]),
    ],
)
def test_a_row_needs_a_request_that_can_have_done_it(journal, rows, found):
    assert [each.kind for each in checker.invented(Run(journal=journal, rows=rows))] == found


# -------------------------------------------------------------------------------- the guard


@pytest.mark.parametrize(("left", "found"), [(50, []), (49, ["over_removed"])])
def test_more_removals_than_the_guard_allows_are_found(left, found):
    violations = checker.over_removed(
        app="guarded", active_before=60, active_after=left, allowed=10
    )
    assert [each.kind for each in violations] == found
