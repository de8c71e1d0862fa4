"""The product's side of one run: the app, the people, the real engine, and what it says."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from iam.models import Group, ProfileAttribute, User
from provisioning import apps_setup, drift, group_queue, lanes, queue, reconcile
from provisioning.models import (
    Account,
    App,
    Event,
    Finding,
    GroupsToPush,
    Mapping,
    MemberState,
    Outcome,
    Policy,
    PushedGroup,
    PushedMember,
    Resource,
    Run,
    Trigger,
)
from provisioning.plan import Feature, State
from tests.interop.judge import ACTIVE, MEMBERS, THERE, Said, Sentence, listed
from tests.interop.targets.base import TOKEN
from tests.interop.world import MAPPED, Person, Team, World
from tests.support.draining import drain_all

# How often what waits for a while is tried before the step is judged.
_TRIES = 6
_CUSTOM = "custom."
_OURS = {drift.ACTIVE: ACTIVE, drift.THERE: THERE}
_FEATURES = tuple(feature for feature in Feature if feature is not Feature.DELETE_USERS)


class Portal:
    """Gatehouse with one app, as the admin pages would set it up."""

    def __init__(self, base_url: str, world: World) -> None:
        self._world = world
        self._users: dict[str, User] = {}
        self._groups: dict[str, Group] = {}
        # By user name, by external id, and by the name of a group.
        self._keys: dict[str, str] = {}
        self._last_event = 0
        self._last_doubt = ""
        ProfileAttribute.objects.get_or_create(key="home_email", defaults={"label": "Home e-mail"})
        for person in world:
            self.write(person)
        self.app = _app(base_url)
        self.group = Group.objects.create(name="Everybody")
        Policy.objects.create(name="The service", app=self.app, group=self.group)

    # ------------------------------------------------------------------------------- people

    def user(self, person: Person) -> User:
        return self._users[person.key]

    def write(self, person: Person) -> None:
        """Save the person as an administrator does, with the values that the scenario gave them."""
        user = self._users.setdefault(person.key, User())
        for path, attribute in MAPPED.items():
            value = person.values.get(path, "")
            if attribute.startswith(_CUSTOM):
                user.custom = {**user.custom, attribute.removeprefix(_CUSTOM): value}
            else:
                setattr(user, attribute, value)
        user.save()
        self._keys |= {user.username: person.key, str(user.external_id): person.key}

    def join(self, people: Iterable[Person]) -> None:
        self.group.users.add(*(self.user(person) for person in people))

    def leave(self, person: Person) -> None:
        self.group.users.remove(self.user(person))

    def switch(self, person: Person, *, on: bool) -> None:
        user = self.user(person)
        user.is_active = on
        user.save()

    def remove(self, person: Person) -> None:
        self.user(person).delete()

    def delete_leavers(self) -> None:
        """Switch “Delete users” on, at once and not after days of grace."""
        # As a page does; what was learned of the service meanwhile is kept.
        self.app.refresh_from_db()
        self.app.features = [feature.value for feature in Feature]
        self.app.delete_after_days = 0
        self.app.save()

    # ------------------------------------------------------------------------------- groups

    def push_group(self, team: Team) -> None:
        """A group that is to be in the application as a group, and gives nobody an account."""
        group = self._groups[team.key] = Group.objects.create(name=team.name)
        self._keys[team.name] = team.who
        self.write_members(team)
        self.app.chosen_groups.add(group)

    def write_members(self, team: Team) -> None:
        people = [self.user(self._world.people[key]) for key in sorted(team.members)]
        self._groups[team.key].users.set(people)

    def rename_group(self, team: Team) -> None:
        group = self._groups[team.key]
        group.name = team.name
        group.save()
        self._keys[team.name] = team.who

    def remove_group(self, team: Team) -> None:
        self._groups[team.key].delete()

    # --------------------------------------------------------------------------------- work

    def settle(self) -> None:
        """Do what is due, and what becomes due within the hour, until nothing is or enough tried.

        An hour of waiting is put forward, not waited for.
        """
        for _ in range(_TRIES):
            drain_all()
            lanes.resume(self.app.pk)
            now = timezone.now()
            if not sum(rows.update(due_at=now) for rows in self._waiting()):
                return

    def push_everybody(self) -> None:
        """“Push now” for every account and every group."""
        queue.mark_accounts(Account.objects.filter(app=self.app), trigger=Trigger.MANUAL)
        group_queue.mark_rows(PushedGroup.objects.filter(app=self.app), trigger=Trigger.MANUAL)

    def compare(self, *, dry: bool) -> Run:
        """What “Compare now” does, to the end."""
        return reconcile.work(reconcile.start(self.app, dry=dry))

    def _waiting(self) -> tuple[QuerySet[Account], QuerySet[PushedGroup]]:
        about = {"app": self.app, "due_at__lt": timezone.now() + timedelta(hours=1)}
        return Account.objects.filter(**about), PushedGroup.objects.filter(**about)

    # -------------------------------------------------------------------------- what it says

    def said(self) -> Said:
        """Everything, with what a look at all accounts (“only look”) brings to light."""
        looked = self.compare(dry=True)
        findings = list(
            looked.findings.exclude(kind=Finding.Kind.UNKNOWN).select_related("account")
        )
        accounts = list(Account.objects.filter(app=self.app))
        groups = list(PushedGroup.objects.filter(app=self.app))
        members = PushedMember.objects.filter(pushed_group__in=groups).exclude(message="")
        standing = [(row, row.message) for row in (*accounts, *groups) if row.problem]
        standing += [(row.account, row.message) for row in findings if row.account]
        standing += [(row.pushed_group, row.message) for row in members]
        records = {self._who(account): _records(account) for account in accounts}
        return Said(
            sentences=[*self._news(), *self._doubts(looked)],
            standing=[Sentence(self._who(row), text) for row, text in standing],
            named=self._named(findings, accounts),
            records=records | {self._who(group): self._group_records(group) for group in groups},
            remote_ids={self._who(row): row.remote_id for row in accounts if row.remote_id},
            unexplained=[
                self._who(row) for rows in self._waiting() for row in rows if not row.problem
            ],
        )

    def _news(self) -> list[Sentence]:
        """What was not simply done since the last time."""
        events = list(Event.objects.filter(pk__gt=self._last_event).order_by("pk"))
        self._last_event = events[-1].pk if events else self._last_event
        return [
            Sentence(self._keys[event.identifier], event.message)
            for event in events
            if event.outcome != Outcome.DONE
        ]

    def _doubts(self, looked: Run) -> list[Sentence]:
        """Why not everything could be seen, unless it was said after the last step already."""
        before, self._last_doubt = self._last_doubt, "" if looked.complete else looked.message
        return [Sentence("", self._last_doubt)] if self._last_doubt not in {"", before} else []

    def _named(
        self, findings: Iterable[Finding], accounts: Iterable[Account]
    ) -> set[tuple[str, str]]:
        named = {
            (self._who(row.account), _OURS.get(path, path))
            for row in findings
            if row.account
            for path in row.differences
        }
        # What was told once, and is left so.
        return named | {
            (self._who(account), _OURS.get(path, path))
            for account in accounts
            for path, (_, _, left) in account.seen.items()
            if left
        }

    def _group_records(self, row: PushedGroup) -> dict[str, str]:
        if row.remote_id is None:
            return {THERE: "no"}
        members = row.members.filter(state=MemberState.IN).select_related("account")
        return {
            THERE: "yes",
            "name": str(row.applied.get("displayName", "")),
            MEMBERS: listed(self._who(member.account) for member in members),
        }

    def _who(self, row: Account | PushedGroup) -> str:
        if isinstance(row, PushedGroup):
            return self._keys[row.name]
        return self._keys[str(row.external_id)]


def _app(base_url: str) -> App:
    app = apps_setup.create(
        App(
            name="The service",
            connector="scim",
            internal=True,
            compare_hours=0,
            groups_to_push=GroupsToPush.CHOSEN,
            adopt_groups=True,
        )
    )
    apps_setup.configure(
        app,
        settings={"base_url": base_url, "auth": "bearer"},
        secrets={"token": TOKEN},
        features=_FEATURES,
    )
    app.save()
    for position, (target, source) in enumerate(MAPPED.items(), start=10):
        Mapping.objects.update_or_create(
            app=app,
            resource=Resource.USER,
            target=target,
            defaults={"source": source, "position": position},
        )
    return app


def _records(account: Account) -> dict[str, str]:
    """What is believed to be there."""
    if account.remote_id is None:
        return {THERE: "no"}
    is_on = "yes" if account.state == State.ACTIVE else "no"
    values = {path: str(value) for path, value in account.applied.items()}
    return {**values, ACTIVE: is_on, THERE: "yes"}
