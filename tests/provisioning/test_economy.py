"""Nothing changed means no request, and a change costs no more than it must."""

from collections.abc import Callable
from contextlib import ExitStack

from iam.models import Group, User
from provisioning import apps_setup, queue
from provisioning.models import Account, App, Event, Mapping, Policy, Trigger
from tests.conftest import REVERSIBLE, person
from tests.support.faulty import FaultyScim
from tests.support.looks import account, agree

Push = Callable[[], None]


def test_a_first_push_is_one_search_and_one_create(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert faulty.journal == ["GET /Users", "POST /Users"]


def test_nothing_changed_means_no_request(
    faulty_app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.set([ann, *(person(f"p{number}") for number in range(20))])
    push()
    events = Event.objects.count()
    faulty.requests.clear()
    queue.mark(trigger=Trigger.MANUAL)
    push()
    ann.save()
    faulty_app.save()
    queue.sweep()
    push()
    assert faulty.journal == []
    assert Event.objects.count() == events
    agree(faulty_app, faulty)


def test_what_no_row_maps_costs_nothing(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.requests.clear()
    ann.title = "Boss"
    ann.save()
    push()
    assert faulty.journal == []


def test_several_changes_of_a_person_are_one_write(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.requests.clear()
    for number in range(5):
        ann.first_name = ann.last_name = f"Name {number}"
        ann.email = f"ann{number}@example.org"
        ann.save()
    push()
    assert len(faulty.writes) == 1
    agree(faulty_app, faulty)


def test_a_leaver_costs_one_request(
    faulty_app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.requests.clear()
    sales.users.remove(ann)
    push()
    assert faulty.journal == ["PATCH /Users/…"]


def test_a_leaver_in_twenty_apps_costs_twenty_requests(ann: User, sales: Group, push: Push) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(FaultyScim()) for _ in range(20)]
        apps_for(servers, group=sales)
        push()
        for server in servers:
            assert server.journal == ["GET /Users", "POST /Users"]
            server.requests.clear()
        sales.users.remove(ann)
        push()
        assert [server.journal for server in servers] == [["PATCH /Users/…"]] * 20
        assert not any(server.active_names() for server in servers)


def apps_for(servers: list[FaultyScim], *, group: Group) -> None:
    """One for each, all at once: twenty forms would take longer than all that is shown."""
    apps = [App(name=f"App {number}", internal=True) for number in range(len(servers))]
    for app, server in zip(apps, servers, strict=True):
        app.connector = "scim"
        apps_setup.configure(
            app,
            settings={"base_url": server.base_url, "auth": "bearer"},
            secrets={"token": server.token},
            features=REVERSIBLE,
        )
    apps = App.objects.bulk_create(apps)
    Mapping.objects.bulk_create(
        Mapping(app=app, target="userName", source="username") for app in apps
    )
    Policy.objects.bulk_create(Policy(name=app.name, app=app, group=group) for app in apps)
    queue.mark(trigger=Trigger.POLICY)


def test_a_change_elsewhere_costs_others_nothing(
    faulty_app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.add(bob)
    push()
    faulty.requests.clear()
    bob.last_name = "Beech"
    bob.save()
    push()
    assert len(faulty.writes) == 1
    assert account(faulty_app, ann).remote_id not in str(faulty.requests)


def test_a_value_that_the_application_changes_for_itself_is_not_sent_again(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-45"""
    push()
    (stored,) = faulty.users()
    stored["name"]["familyName"] = "ASH"
    faulty.requests.clear()
    queue.mark(trigger=Trigger.MANUAL)
    push()
    assert faulty.journal == []


def test_leavers_are_sent_before_newcomers(
    faulty_app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.requests.clear()
    for number in range(5):
        sales.users.add(person(f"new{number}"))
    sales.users.remove(ann)
    push()
    assert faulty.writes[0].startswith("PATCH")
    assert faulty.journal[0].startswith("PATCH")


def test_an_app_without_a_policy_has_nobody(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    Policy.objects.all().delete()
    push()
    assert faulty.journal == []
    assert not Account.objects.exclude(remote_id=None).exists()
