"""A comparison finds what somebody changed in the application, and does what the app is set to."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import reconcile
from provisioning.models import Account, App, Drift, Finding, Problem, Run
from provisioning.plan import Feature, State
from tests.conftest import KINDS, ORGANIZATION, MakeApp
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree, happened
from tests.support.target import Target

Push = Callable[[], None]
Kind = Finding.Kind


@pytest.fixture
def pushed(faulty_app: App, ann: User, faulty: FaultyScim, push: Push) -> App:
    """Ann has her account, and nothing has been asked since."""
    push()
    faulty.requests.clear()
    return faulty_app


def compare(app: App, *, dry: bool = False) -> Run:
    return reconcile.work(reconcile.start(App.objects.get(pk=app.pk), dry=dry))


def counts(run: Run) -> tuple[int, int, int, int]:
    return run.same, run.changed, run.missing, run.unknown


def found(run: Run) -> list[tuple[str, str]]:
    return list(run.findings.values_list("kind", "outcome"))


def set_to(app: App, drift: Drift) -> None:
    App.objects.filter(pk=app.pk).update(drift=drift)


def snapshot(app: App) -> list[dict[str, object]]:
    return list(Account.objects.filter(app=app).order_by("pk").values())


# ------------------------------------------------------------------------------ nothing to do


def test_when_nothing_was_changed_nothing_is_written_here_or_there(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    before = snapshot(pushed)
    run = compare(pushed)
    assert counts(run) == (1, 0, 0, 0)
    assert run.complete
    assert not reconcile.needs_a_person(run)
    push()
    assert faulty.writes == []
    assert snapshot(pushed) == before


def test_it_agrees_with_a_server_that_nobody_here_wrote(
    app: App, ann: User, bob: User, sales: Group, target: Target, push: Push
) -> None:
    sales.users.add(bob)
    push()
    sales.users.remove(bob)
    push()
    target.add("stranger")
    run = compare(app)
    assert counts(run) == (2, 0, 0, 1)
    assert run.complete


# ------------------------------------------------------------------------------ changed there


def test_what_was_changed_there_is_put_right_by_the_next_push(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.user(ann.username)["name"]["familyName"] = "Oak"
    run = compare(pushed)
    assert found(run) == [(Kind.CHANGED, "put_right")]
    assert "name.familyName from “Ash” to “Oak”" in run.findings.get().message
    assert faulty.writes == []
    push()
    assert faulty.user(ann.username)["name"]["familyName"] == "Ash"
    assert counts(compare(pushed)) == (1, 0, 0, 0)
    agree(pushed, faulty)


def test_what_was_added_there_is_removed_and_what_was_removed_comes_back(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    pushed.mappings.create(target="title", source="title")
    push()
    document = faulty.user(ann.username)
    document["title"] = "Queen"
    del document["name"]["givenName"]
    compare(pushed)
    push()
    assert "title" not in faulty.user(ann.username) or not faulty.user(ann.username)["title"]
    assert faulty.user(ann.username)["name"]["givenName"] == "Ann"


def test_what_is_not_mapped_is_nobodys_business(pushed: App, ann: User, faulty: FaultyScim) -> None:
    faulty.user(ann.username)["nickName"] = "Annie"
    assert counts(compare(pushed)) == (1, 0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_list_does_not_show_is_not_taken_for_removed(
    make_app: MakeApp, sales: Group, ann: User, faulty: FaultyScim, push: Push, kind: str
) -> None:
    app = make_app(faulty, kind=kind, group=sales)
    push()
    schema, _, attribute = ORGANIZATION.rpartition(":")
    del faulty.user(ann.username)[schema][attribute]
    run = compare(app)
    assert run.changed == (kind == "scim")
    assert (ORGANIZATION in run.message) == (kind == "zoom")


def test_a_change_there_may_be_accepted_and_is_then_not_spoken_of_again(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    set_to(pushed, Drift.ACCEPT)
    faulty.user(ann.username)["name"]["familyName"] = "Oak"
    assert found(compare(pushed)) == [(Kind.CHANGED, "left")]
    push()
    assert counts(compare(pushed)) == (1, 0, 0, 0)
    assert faulty.writes == []
    faulty.user(ann.username)["name"]["familyName"] = "Elm"
    assert compare(pushed).changed == 1


def test_with_ask_nothing_is_sent_until_somebody_decides(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    set_to(pushed, Drift.ASK)
    faulty.user(ann.username)["name"]["familyName"] = "Oak"
    run = compare(pushed)
    assert found(run) == [(Kind.CHANGED, "asked")]
    assert reconcile.needs_a_person(run)
    # An app that is saved looks at all accounts, and must not answer the question.
    pushed.save()
    push()
    row = account(pushed, ann)
    assert row.problem == Problem.CHANGED_THERE
    assert "name.familyName from “Ash” to “Oak”" in row.message
    assert row.problem_since is not None
    assert faulty.writes == []


def test_a_question_ends_when_it_was_put_right_there(
    pushed: App, ann: User, faulty: FaultyScim
) -> None:
    set_to(pushed, Drift.ASK)
    faulty.user(ann.username)["name"]["familyName"] = "Oak"
    compare(pushed)
    faulty.user(ann.username)["name"]["familyName"] = "Ash"
    assert counts(compare(pushed)) == (1, 0, 0, 0)
    row = account(pushed, ann)
    assert (row.problem, row.message, row.problem_since) == ("", "", None)


def test_a_question_does_not_hide_what_else_is_wrong(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    set_to(pushed, Drift.ASK)
    faulty.on("*", answer(400, {"detail": "No"}), about="Elm")
    ann.last_name = "Elm"
    ann.save()
    push()
    faulty.user(ann.username)["active"] = False
    Account.objects.update(due_at=None)
    run = compare(pushed)
    assert found(run) == [(Kind.CHANGED, "asked")]
    assert account(pushed, ann).problem == Problem.REJECTED


# -------------------------------------------------------------------------- switched on and off


def test_an_account_that_was_switched_off_there_is_switched_on_again(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.user(ann.username)["active"] = False
    assert "switched off" in compare(pushed).findings.get().message
    push()
    assert faulty.active_names() == [ann.username]
    agree(pushed, faulty)


def test_a_leaver_who_was_switched_on_there_is_switched_off_again(
    pushed: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-65"""
    sales.users.remove(ann)
    push()
    faulty.user(ann.username)["active"] = True
    message = compare(pushed).findings.get().message
    assert "switched on, although the person should not have it" in message
    push()
    assert faulty.active_names() == []
    agree(pushed, faulty)


def test_whatever_else_a_leavers_account_holds_is_left_alone(
    pushed: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    faulty.user(ann.username)["name"]["familyName"] = "Oak"
    assert counts(compare(pushed)) == (1, 0, 0, 0)


def test_an_account_of_a_deleted_person_that_was_switched_on_there_is_switched_off(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    ann.delete()
    push()
    (document,) = faulty.users()
    document["active"] = True
    compare(pushed)
    push()
    assert faulty.active_names() == []


# ---------------------------------------------------------------------- values written otherwise


def test_a_value_that_the_application_writes_in_its_own_way_is_no_change(
    make_app: MakeApp, sales: Group, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-45"""
    app = make_app(faulty, group=sales)
    sales.users.remove(ann)

    def shout(serve: Callable[[], object]) -> object:
        serve()
        (document,) = faulty.users()
        document["name"]["familyName"] = document["name"]["familyName"].upper()
        return answer(201, document)(serve)  # type: ignore[arg-type]

    faulty.on("POST", shout)  # type: ignore[arg-type]
    sales.users.add(ann)
    push()
    assert account(app, ann).applied["name.familyName"] == "Ash"
    assert counts(compare(app)) == (1, 0, 0, 0)
    # Somebody's own change of the same value is one all the same.
    faulty.user(ann.username)["name"]["familyName"] = "OAK"
    assert compare(app).changed == 1


def test_a_value_that_comes_back_is_put_right_once_said_once_more_and_then_left(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    outcomes = []
    for _ in range(4):
        faulty.user(ann.username)["name"]["familyName"] = "Oak"
        run = compare(pushed)
        outcomes.append([outcome for _, outcome in found(run)])
        push()
    assert outcomes == [["put_right"], ["left"], [], []]
    assert len(faulty.writes) == 1
    faulty.user(ann.username)["name"]["familyName"] = "Elm"
    assert compare(pushed).changed == 1


def test_a_switch_is_put_right_however_often_it_is_turned(
    pushed: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    for _ in range(4):
        faulty.user(ann.username)["active"] = True
        assert found(compare(pushed)) == [(Kind.CHANGED, "put_right")]
        push()
        assert faulty.active_names() == []


@pytest.mark.parametrize("name", ["\x00", "a\x00b", "x" * 3000, "<b>“", "‮gro"])
def test_strange_values_are_found_and_put_right_as_well(
    pushed: App, ann: User, faulty: FaultyScim, push: Push, name: str
) -> None:
    """bad-input-24"""
    faulty.user(ann.username)["name"]["familyName"] = name
    assert compare(pushed).changed == 1
    push()
    assert faulty.user(ann.username)["name"]["familyName"] == "Ash"


# ---------------------------------------------------------------------------------- strangers


def test_strangers_are_listed_and_never_touched(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    for name in ("root", 'x" or userName pr', "n\x00l", "y" * 900):
        faulty.add(name)
    faulty.stored["z" * 900] = {**faulty.user("root"), "id": "z" * 900, "userName": "longid"}
    theirs = {key: dict(user) for key, user in faulty.stored.items()}
    run = compare(pushed)
    assert counts(run) == (1, 0, 0, 5)
    assert set(found(run)) == {(Kind.UNKNOWN, "listed")}
    assert not reconcile.needs_a_person(run)
    push()
    assert faulty.writes == []
    assert faulty.stored == theirs
    assert Account.objects.count() == 1


def test_an_account_without_a_name_is_listed_by_its_id(pushed: App, faulty: FaultyScim) -> None:
    faulty.stored["77"] = {"id": "77", "active": True}
    run = compare(pushed)
    assert run.findings.get().identifier == "77"


# ------------------------------------------------------------------------------ what is under way


def test_what_is_due_is_left_to_the_push(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    ann.last_name = "Elm"
    ann.save()
    run = compare(pushed)
    assert counts(run) == (0, 0, 0, 0)
    assert "1 account was about to be changed" in run.message
    push()
    assert faulty.user(ann.username)["name"]["familyName"] == "Elm"
    assert counts(compare(pushed)) == (1, 0, 0, 0)


def test_what_is_tried_again_is_left_to_the_push(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("*", answer(500), about="Elm")
    ann.last_name = "Elm"
    ann.save()
    push()
    assert account(pushed, ann).problem == Problem.UNAVAILABLE
    assert counts(compare(pushed)) == (0, 0, 0, 0)


def test_a_switched_off_feature_is_respected(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    pushed.features = [Feature.CREATE_USERS, Feature.DEACTIVATE_USERS]
    pushed.save()
    push()
    faulty.user(ann.username)["name"]["familyName"] = "Oak"
    compare(pushed)
    push()
    assert faulty.writes == []
    assert account(pushed, ann).problem == Problem.SWITCHED_OFF


def test_the_report_says_that_a_comparison_was_the_cause(
    pushed: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.user(ann.username)["active"] = False
    run = reconcile.start(pushed, actor="olga")
    reconcile.work(run)
    push()
    assert happened(pushed)[-1] == ("reactivate", "done")
    row = account(pushed, ann)
    assert (row.trigger, row.actor, row.state) == ("comparison", "olga", State.ACTIVE)


@pytest.mark.parametrize("setting", Drift.values)
def test_a_sensitive_value_is_not_told(
    pushed: App, ann: User, faulty: FaultyScim, setting: str
) -> None:
    set_to(pushed, Drift(setting))
    pushed.mappings.filter(target="name.familyName").update(sensitive=True)
    faulty.users()[0]["name"]["familyName"] = "Canary"
    (finding,) = compare(pushed).findings.all()
    assert "name.familyName from “•••” to “•••”" in finding.message
    told = [finding.message, account(pushed, ann).message]
    assert not any(name in said for said in told for name in ("Canary", "Ash"))
