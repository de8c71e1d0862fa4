"""People, groups and applications of one run, and what has become of them at the end."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import apps_setup, queue
from provisioning.models import Account, App, Event, Mapping, Outcome, Policy
from provisioning.plan import Feature, State
from tests.chaos import checker

TOKEN = "chaos"
GROUPS = ("Sales", "Support", "Research", "Board")
_REVERSIBLE = (Feature.CREATE_USERS, Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS)
# slug: (kind, what the server does, features, groups that get it)
APPS: dict[str, tuple[str, dict[str, Any], tuple[Feature, ...], tuple[int, ...]]] = {
    "loose": ("scim", {}, _REVERSIBLE, (0, 1)),
    "meeting": ("zoom", {}, _REVERSIBLE, (1, 2)),
    "strict": ("scim", {"unique": True, "silent": True}, tuple(Feature), (2, 3)),
    "deaf": ("scim", {"deaf": True}, _REVERSIBLE, (3,)),
}
GUARDED = "guarded"
_CUSTOM = "custom.custom_attribute_1"


def tenants(people: int) -> dict[str, dict[str, Any]]:
    """What the fault server begins with: strangers, and accounts of people who may get one."""
    filled = {}
    for slug, (_, options, _, _) in APPS.items():
        strangers = [_document(f"stranger-{number}") for number in range(1, 6)]
        adoptable = [] if slug == "deaf" else [_document(f"p{n}-0") for n in range(0, people, 12)]
        filled[slug] = {**options, "users": strangers + adoptable}
    # One is enough to be taken for everybody; with several the engine sees a conflict.
    filled["deaf"]["users"] = filled["deaf"]["users"][:1]
    return {**filled, GUARDED: {}}


def _document(name: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": f"{name}@example.org",
        "active": True,
        "title": "made there",
    }


def fill(url: str, *, people: int) -> None:
    """Migrate; make the people, the groups, the apps for this server, and the policies."""
    call_command("migrate", verbosity=0)
    groups = [Group.objects.create(name=name) for name in GROUPS]
    made = [
        User.objects.create(
            username=f"p{number}-0@example.org",
            email=f"p{number}@example.org",
            first_name=f"First{number}",
            last_name="Last",
            title="w0" if number % 3 else "",
            department="d0",
            custom={"custom_attribute_1": f"Company{number}"} if number % 2 else {},
        )
        for number in range(people)
    ]
    for slug, (kind, _, features, chosen) in APPS.items():
        app = make_app(slug, url, kind=kind, features=features)
        for number in chosen:
            Policy.objects.create(name=f"{slug} {number}", app=app, group=groups[number])
    # Only now, so that the accounts become due one by one while the workers run.
    for number, person in enumerate(made):
        groups[number % len(groups)].users.add(person)


def make_app(slug: str, url: str, *, kind: str, features: tuple[Feature, ...]) -> App:
    app = App(name=slug, connector=kind, internal=True, delete_after_days=0, compare_hours=0)
    if slug != GUARDED:
        # The edits take more access away than any mistake would.
        app.guard_count = 1_000_000
        # Slow enough for one batch to outlast the lease, fast enough for a test.
        app.requests_per_second = 30
    apps_setup.create(app)
    settings = {"base_url": f"{url}/{slug}", **({"auth": "bearer"} if kind == "zoom" else {})}
    apps_setup.configure(app, settings=settings, secrets={"token": TOKEN}, features=features)
    app.save()
    Mapping.objects.create(app=app, target="title", source="title", position=90)
    return app


def settle() -> None:
    """Switch the features of every app back on, so that what should be can be reached."""
    for slug, (_, _, features, _) in APPS.items():
        app = App.objects.get(name=slug)
        app.features = [feature.value for feature in app.kind.features if feature in features]
        app.save()


# --------------------------------------------------------------------------------- draining


def drain(*, sweeps: bool, within: float, meanwhile: Callable[[], None]) -> int:
    """Let the workers finish; how many accounts were still due when the time was up.

    The routine check runs twice: what was being worked on during the first one is not in it.
    """
    give_up = time.monotonic() + within
    for _ in range(2):
        if sweeps:
            queue.sweep()
        while left := _unfinished():
            if time.monotonic() > give_up:
                return left
            meanwhile()
            time.sleep(0.05)
    return 0


def _unfinished() -> int:
    """Accounts that are due now or after a back-off; the grace time before a deletion is longer."""
    soon = timezone.now() + timedelta(hours=2)
    return Account.objects.filter(due_at__lt=soon).count()


def guarded(url: str, *, people: int, drained: Callable[[], int]) -> list[checker.Violation]:
    """A policy is deleted by mistake: how many accounts that takes away."""
    app = make_app(GUARDED, url, kind="scim", features=_REVERSIBLE)
    group = Group.objects.create(name="Everybody")
    policy = Policy.objects.create(name="guarded", app=app, group=group)
    group.users.set(
        User.objects.create(username=f"p{number}-0@guarded.example")
        for number in range(9_000_000, 9_000_000 + people)
    )
    drained()
    before = _active(app)
    policy.delete()
    drained()
    return checker.over_removed(
        app=GUARDED,
        active_before=before,
        active_after=_active(app),
        allowed=max(10, people // 20),
    )


def _active(app: App) -> int:
    return Account.objects.filter(app=app, state=State.ACTIVE).count()


# --------------------------------------------------------------------------------- evidence


def run(
    told: dict[str, Any], before: dict[str, Any], *, blows: list[tuple[int, float]]
) -> checker.Run:
    """What the checker compares: the server's side as told by it, ours from plain rows."""
    strangers, adoptable = {}, {}
    for users in before["users"].values():
        for user in users:
            kept = strangers if user["userName"].startswith("stranger") else adoptable
            kept[user["id"]] = user
    return checker.Run(
        wanted=checker.desired(
            people=list(User.objects.values()),
            memberships=list(Membership.objects.values_list("user_id", "group_id")),
            policies=list(Policy.objects.filter(enabled=True).values_list("app__name", "group_id")),
            mappings=_mappings(),
        ),
        targets={slug: told["users"][slug] for slug in APPS},
        journal=[checker.Entry(**_entry(entry)) for entry in told["journal"]],
        rows=_rows(),
        strangers=strangers,
        adoptable=adoptable,
        blows=blows,
    )


def _mappings() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for app, target, source in Mapping.objects.of_people().values_list(
        "app__name", "target", "source"
    ):
        found.setdefault(app, {})[target] = source
    return found


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "method"}


def _rows() -> list[checker.Row]:
    done = Event.objects.filter(outcome=Outcome.DONE).order_by("at")
    columns = done.values_list("app_name", "operation", "identifier", "at", "correlation_id")
    return [checker.Row(app, op, name, at.timestamp(), key) for app, op, name, at, key in columns]


def explain(violation: checker.Violation) -> str:
    """What the portal itself believes, for whoever has to find the cause."""
    person = checker.stem(violation.who)
    accounts = Account.objects.filter(app__name=violation.app, identifier__startswith=f"{person}-")
    lines = [
        f"    account {each.pk}: {each.identifier} user={each.user_id} {each.state} "
        f"remote={each.remote_id} due={each.due_at} generation={each.generation}/"
        f"{each.done_generation} intent={each.intent} problem={each.problem} {each.message}"
        for each in accounts
    ]
    rows = Event.objects.filter(app_name=violation.app, identifier__startswith=f"{person}-")
    lines += [
        f"    {row.at.timestamp():.3f} {row.operation} {row.outcome}: {row.message}"
        for row in rows.order_by("at")[:40]
    ]
    return "\n".join(lines)


def close() -> None:
    """Before a fork: no process may speak over another one's connection."""
    connection.close()
    connections.close_all()
