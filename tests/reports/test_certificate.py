"""The certificate says what became of a person's access, and calls verified only what was seen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from iam.models import Group, Operator, User
from provisioning import guard, leaving, ownership, reconcile
from provisioning.models import Account, App, Event, Finding, Policy, PushedGroup, PushedMember, Run
from provisioning.plan import Feature, Operation
from reports import certificate
from reports.certificate import Certificate
from reports.standing import Line, Standing
from tests.conftest import REVERSIBLE, MakeApp, person
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim, answer, effect_then

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def leave(user: User, push: Push) -> Line:
    leaving.remove_everywhere(user, by="chief", reason="Left.")
    push()
    return line(user)


def made(user: User) -> Certificate:
    user.refresh_from_db()
    return certificate.of_person(user, by="chief")


def line(user: User, app: str = "Zoom") -> Line:
    (found,) = [each for each in made(user).lines if each.app_name == app]
    return found


# ------------------------------------------------------------------------------ what was removed


def test_an_account_that_was_seen_to_be_off_is_verified(app: App, ann: User, push: Push) -> None:
    found = leave(ann, push)
    event = Event.objects.get(operation=Operation.DEACTIVATE)
    assert (found.standing, found.what, found.at) == (
        Standing.VERIFIED,
        "Account switched off",
        event.at,
    )
    assert (found.by, found.because_of, found.why) == ("chief", "Person changed", event.message)
    assert made(ann).complete


def test_what_was_only_accepted_is_not_called_verified(
    app: App, ann: User, push: Push, faulty: FaultyScim
) -> None:
    faulty.says["PATCH"] = 204
    faulty.on("GET", answer(403), about="Users/")
    found = leave(ann, push)
    assert Event.objects.get(operation=Operation.DEACTIVATE).effect == "accepted"
    assert found.standing == Standing.ACCEPTED
    told = made(ann)
    assert told.complete
    assert "verified in 0 of 1 application, accepted in 1" in told.verdict


def test_a_deleted_account_is_called_deleted(
    app: App, ann: User, push: Push, faulty: FaultyScim
) -> None:
    App.objects.update(features=[*REVERSIBLE, Feature.DELETE_USERS], delete_after_days=0)
    found = leave(ann, push)
    assert (found.standing, found.what) == (Standing.VERIFIED, "Account deleted")
    assert faulty.users() == []


def test_one_that_was_gone_there_already_is_verified(
    app: App, ann: User, push: Push, faulty: FaultyScim
) -> None:
    faulty.stored.clear()
    found = leave(ann, push)
    assert (found.standing, found.what) == (Standing.VERIFIED, "Account not there any more")


def test_one_that_a_comparison_missed_is_verified_by_it(
    app: App, ann: User, push: Push, faulty: FaultyScim
) -> None:
    account = Account.objects.get()
    Account.objects.update(remote_id=None, state="gone", user=ann)
    Policy.objects.all().delete()
    run = Run.objects.create(app=app, started_at=timezone.now(), ended_at=timezone.now())
    finding = Finding.objects.create(
        run=run,
        kind="missing",
        account=account,
        identifier=ann.username,
        remote_id="7",
        message="Gone.",
    )
    found = line(ann)
    assert (found.standing, found.at, found.why) == (Standing.VERIFIED, run.ended_at, "Gone.")
    finding.delete()
    assert line(ann).standing == Standing.ACCEPTED


def test_what_the_report_has_forgotten_is_not_called_verified(
    app: App, ann: User, push: Push
) -> None:
    leave(ann, push)
    Event.objects.all().delete()
    found = line(ann)
    assert found.standing == Standing.ACCEPTED
    assert "no row any more" in found.why
    assert found.at == Account.objects.get().deprovisioned_at


def test_what_was_removed_before_the_person_came_back_proves_nothing(
    app: App, ann: User, sales: Group, push: Push
) -> None:
    leave(ann, push)
    User.objects.filter(pk=ann.pk).update(is_active=True)
    sales.users.add(ann)
    push()
    assert line(ann).standing == Standing.GIVEN
    # Somebody switched it off there, a comparison took that over, and then she left.
    sales.users.remove(ann)
    Account.objects.update(state="suspended", due_at=None)
    assert line(ann).standing == Standing.ACCEPTED


# ------------------------------------------------------------------------------ what is outstanding


def _held(app: App, faulty: FaultyScim) -> None:
    App.objects.update(guard_count=0, guard_percent=0)


def _paused(app: App, faulty: FaultyScim) -> None:
    App.objects.update(paused=True)


def _off(app: App, faulty: FaultyScim) -> None:
    App.objects.update(features=[Feature.CREATE_USERS])


def _refusing(app: App, faulty: FaultyScim) -> None:
    faulty.on("PATCH", answer(400, {"detail": "Not administrators."}))


def _failing(app: App, faulty: FaultyScim) -> None:
    faulty.on("PATCH", answer(503))


def _refusing_us(app: App, faulty: FaultyScim) -> None:
    faulty.token = "another"


def _doing_nothing(app: App, faulty: FaultyScim) -> None:
    faulty.ignored = {"PATCH"}


@pytest.mark.parametrize(
    ("hinder", "why", "to_do"),
    [
        (_held, "Nothing was done: decide under Holds", "Decide under Holds."),
        (_paused, "Zoom is paused", "Put that right under Apps > Zoom."),
        (_off, "“Deactivate users” is switched off for Zoom", "switch the account off in Zoom"),
        (_refusing, "Not administrators.", "press “Push now” on the account"),
        (_failing, "Not deactivated.", "tries again by itself"),
        (_refusing_us, "Zoom is stopped", "Put that right under Apps > Zoom."),
        (_doing_nothing, "still shows the account as on", "tries again by itself"),
    ],
)
def test_what_is_outstanding_says_why_and_what_helps(
    app: App,
    ann: User,
    push: Push,
    faulty: FaultyScim,
    hinder: Callable[[App, FaultyScim], None],
    why: str,
    to_do: str,
) -> None:
    hinder(app, faulty)
    found = leave(ann, push)
    assert found.standing == Standing.OUTSTANDING
    assert why in found.why
    assert to_do in found.to_do
    told = made(ann)
    assert (told.complete, told.verdict) == (False, "1 of 1 application is outstanding: Zoom.")


def test_before_a_worker_has_come_it_is_outstanding(app: App, ann: User) -> None:
    leaving.remove_everywhere(ann, by="chief", reason="Left.")
    assert line(ann).standing == Standing.OUTSTANDING


def test_a_lost_answer_is_outstanding(app: App, ann: User, push: Push, faulty: FaultyScim) -> None:
    faulty.on("PATCH", effect_then(500))
    assert leave(ann, push).standing == Standing.OUTSTANDING


def test_a_lost_answer_to_a_creation_is_outstanding(
    make_app: MakeApp, ann: User, sales: Group, push: Push, faulty: FaultyScim
) -> None:
    make_app(faulty, group=sales)
    faulty.on("POST", effect_then(500))
    push()
    leaving.remove_everywhere(ann, by="chief", reason="Left.")
    found = line(ann)
    assert (found.standing, "whose answer was lost" in found.what) == (Standing.OUTSTANDING, True)


def test_what_somebody_switched_on_there_is_outstanding_or_kept(
    app: App, ann: User, push: Push
) -> None:
    leave(ann, push)
    Account.objects.update(problem="changed_there", message="Switched on.")
    assert line(ann).standing == Standing.OUTSTANDING
    Account.objects.update(problem="", message="", seen={"@active": [False, True, True]})
    assert line(ann).standing == Standing.KEPT


def test_groups_there_are_told_and_one_that_is_left_is_outstanding(
    app: App, ann: User, push: Push
) -> None:
    leave(ann, push)
    Event.objects.create(
        at=timezone.now(),
        app=app,
        app_name="Zoom",
        user=ann,
        identifier=ann.username,
        operation="remove_member",
        outcome="done",
        effect="verified",
        message="Taken out of “Sales”.",
    )
    (group,) = line(ann).groups
    assert (group.sentence, group.standing) == ("Taken out of “Sales”.", Standing.VERIFIED)
    account = Account.objects.get()
    pushed = PushedGroup.objects.create(app=app, name="Art", remote_id="g")
    PushedMember.objects.create(
        pushed_group=pushed, account=account, remote_id=str(account.remote_id), state="removing"
    )
    found = line(ann)
    assert found.standing == Standing.OUTSTANDING
    assert "“Art”" in found.groups[1].sentence


def test_groups_that_were_left_before_access_was_given_again_are_not_told(
    app: App, ann: User, push: Push
) -> None:
    Event.objects.create(
        at=timezone.now() - timedelta(days=9),
        app=app,
        app_name="Zoom",
        user=ann,
        identifier=ann.username,
        operation="remove_member",
        outcome="done",
        message="Long ago.",
    )
    Event.objects.filter(operation="create").delete()
    Event.objects.create(
        at=timezone.now(),
        app=app,
        app_name="Zoom",
        user=ann,
        identifier=ann.username,
        operation="create",
        outcome="done",
        message="Made.",
    )
    assert leave(ann, push).groups == ()


@pytest.mark.parametrize(
    ("state", "sentence", "standing"),
    [
        ("in", "In the group “Art” there.", Standing.GIVEN),
        ("adding", "To be added to the group “Art” there.", Standing.GIVEN),
        ("removing", "To be taken out of the group “Art” there.", Standing.OUTSTANDING),
    ],
)
def test_whoever_has_access_stays_in_their_groups(
    app: App, ann: User, state: str, sentence: str, standing: Standing
) -> None:
    account = Account.objects.get()
    pushed = PushedGroup.objects.create(app=app, name="Art", remote_id="g")
    PushedMember.objects.create(
        pushed_group=pushed, account=account, remote_id=str(account.remote_id), state=state
    )
    found = line(ann)
    (group,) = found.groups
    assert (found.standing, group.sentence, group.standing) == (Standing.GIVEN, sentence, standing)


# ------------------------------------------------------------------ what was never there, or stays


def test_where_there_never_was_an_account_it_says_so(
    app: App, ann: User, make_app: MakeApp, faulty: FaultyScim, push: Push
) -> None:
    chat = make_app(faulty, name="Chat")
    leave(ann, push)
    # A worker has looked at it, and nothing was ever there.
    Account.objects.create(
        app=chat,
        user=ann,
        identifier=ann.username,
        external_id=ann.external_id,
        trigger="person",
        actor="x",
    )
    found = line(ann, "Chat")
    assert (found.standing, found.because_of, found.by) == (Standing.NEVER, "", "")
    assert "verified in 1 of 1 application" in made(ann).verdict


def test_what_is_kept_by_a_decision_says_by_whose_and_why(
    app: App, ann: User, sales: Group, push: Push
) -> None:
    App.objects.update(guard_count=0, guard_percent=0)
    sales.users.remove(ann)
    push()
    guard.reject(app.holds.all(), by="chief", reason="On sick leave.")
    push()
    found = line(ann)
    assert found.standing == Standing.KEPT
    assert "Decided by chief: On sick leave." in found.why
    assert made(ann).verdict == "1 of 1 application keeps the account by a decision: Zoom."


def test_what_was_given_up_here_is_not_called_removed(app: App, ann: User, push: Push) -> None:
    ownership.forget(Account.objects.get(), by="chief")
    found = leave(ann, push)
    assert found.standing == Standing.NOT_MANAGED
    assert "Look in Zoom" in found.to_do
    assert not made(ann).complete


@pytest.mark.parametrize("has_row", [True, False])
def test_an_account_that_was_seen_and_never_adopted_is_told(
    make_app: MakeApp, faulty: FaultyScim, ann: User, sales: Group, push: Push, has_row: bool
) -> None:
    app = make_app(faulty, group=sales if has_row else None)
    there = faulty.add("ANN@example.org", externalId="of-hr")
    push()
    leaving.remove_everywhere(ann, by="chief", reason="Left.")
    push()
    assert line(ann).standing == Standing.NEVER
    reconcile.work(reconcile.start(app, dry=True, actor="chief"))
    assert Finding.objects.get().remote_id == there["id"]
    found = line(ann)
    assert found.standing == Standing.NOT_MANAGED
    assert "neither made nor adopted" in found.why


def test_what_was_adopted_and_removed_since_it_was_seen_is_removed(
    make_app: MakeApp, faulty: FaultyScim, ann: User, sales: Group, push: Push
) -> None:
    app = make_app(
        faulty,
        group=sales,
        features=(*REVERSIBLE, Feature.DELETE_USERS),
        delete_after_days=0,
    )
    faulty.add(ann.username)
    reconcile.work(reconcile.start(app, dry=True, actor="chief"))
    assert Finding.objects.get().kind == Finding.Kind.UNKNOWN
    push()
    found = leave(ann, push)
    assert (found.standing, found.what) == (Standing.VERIFIED, "Account deleted")


def test_whoever_has_not_left_has_access(app: App, ann: User, bob: User) -> None:
    told = made(ann)
    assert told.verdict == "Ann Ash is to have access to 1 of 1 application: Zoom."
    assert (told.complete, told.is_active, told.started) == (False, True, None)
    assert made(bob).verdict.startswith("Bob Birch has never had an account")


# ------------------------------------------------------------------------------------ whose it is


def test_somebody_who_was_deleted_here_has_one_too(app: App, ann: User, push: Push) -> None:
    leaving.remove_everywhere(ann, by="chief", reason="Left.")
    ann.delete()
    push()
    told = certificate.of_deleted("ANN@example.org", by="chief")
    assert told is not None
    assert told.verdict.startswith("All access of ann@example.org is removed")
    assert told.started is not None
    assert (told.user, told.started.by) == (None, "chief")
    assert certificate.of_deleted("bob@example.org", by="chief") is None


def test_a_namesake_who_came_later_is_somebody_else(
    app: App, ann: User, sales: Group, push: Push
) -> None:
    ann.delete()
    push()
    again = person("ann", first_name="Ann")
    sales.users.add(again)
    push()
    told = certificate.of_deleted("ann@example.org", by="chief")
    assert told is not None
    assert (told.complete, len(told.lines)) == (True, 1)
    assert line(again).standing == Standing.GIVEN


def test_it_costs_as_many_questions_for_many_applications_as_for_one(
    app: App,
    ann: User,
    sales: Group,
    make_app: MakeApp,
    faulty: FaultyScim,
    push: Push,
    django_assert_num_queries: Any,
) -> None:
    leave(ann, push)
    with django_assert_num_queries(10):
        certificate.of_person(ann, by="chief")
    for number in range(4):
        make_app(faulty, name=f"App {number}", group=sales)
        Account.objects.create(
            app=App.objects.get(name=f"App {number}"),
            user=ann,
            identifier=ann.username,
            external_id=ann.external_id,
            remote_id=f"r{number}",
            state="active",
        )
    with django_assert_num_queries(10):
        certificate.of_person(ann, by="chief")


def test_it_says_when_by_whom_and_in_which_time_zone_it_was_made(
    admin_client: Client, app: App, ann: User, push: Push, settings: Any
) -> None:
    leave(ann, push)
    settings.TIME_ZONE = "Europe/Paris"
    timezone.get_default_timezone.cache_clear()
    try:
        page = visit(admin_client, "reports_certificate", ann.pk)
    finally:
        timezone.get_default_timezone.cache_clear()
    assert "by admin. Times are in Europe/Paris." in page.text
    assert "Zoom Removed, verified Account switched off" in page.text
    assert "Person changed by chief" in page.text


def test_names_and_answers_are_shown_as_text(
    admin_client: Client, app: App, mallory: User, push: Push, faulty: FaultyScim
) -> None:
    push()
    faulty.on("PATCH", answer(400, {"detail": "<img src=x onerror=alert(1)>"}))
    leave(mallory, push)
    page = visit(admin_client, "reports_certificate", mallory.pk)
    assert "<img src=x" not in page.html
    assert "<script>alert(1)" not in page.html


def test_it_is_for_whoever_may_see_the_report(client: Client, app: App, ann: User) -> None:
    client.force_login(Operator.objects.create_user("clerk", is_staff=True))
    assert visit(client, "reports_certificate", ann.pk).status == 403
    assert visit(client, "reports_certificate_of_deleted", identifier="x").status == 403


def test_of_nobody_there_is_none(admin_client: Client, db: None) -> None:
    for query in ({}, {"identifier": "nobody"}):
        assert visit(admin_client, "reports_certificate_of_deleted", **query).status == 404
