"""One writer process: random edits through the ORM, each in a transaction of its own."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection, transaction

from iam.models import Group, Membership, User
from provisioning.models import App, Mapping, Policy
from tests.chaos import mutants
from tests.chaos.points import Orders

Edit = Callable[[], object]
# Where a writer can be ordered to die: when the change is committed and nothing else has run.
COMMITTED = "committed"
_PAUSE = (0.01, 0.08)
_MOST_PEOPLE = 140


def run(orders: Orders, tally: Path, *, mutant: str, everything: bool, signalled: bool) -> None:
    """Edit until SIGTERM. A byte is added to `tally` for each change that was committed.

    `everything` also edits policies, mappings and apps, which makes a whole app due and so may
    hide that one account was forgotten; `signalled` leaves out what sends no signal.
    """
    random.seed()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    mutants.apply(mutant if mutant == "on-commit-only" else "")
    edits = {**_SIGNALLED, **({} if signalled else _SILENT), **(_SWEEPING if everything else {})}
    choices, weights = list(edits), list(edits.values())
    count = os.open(tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def committed() -> None:
        os.write(count, b".")
        orders.reached(COMMITTED)

    while not stop.wait(random.uniform(*_PAUSE)):
        (edit,) = random.choices(choices, weights)
        try:
            with transaction.atomic():
                transaction.on_commit(committed)
                edit()
        except (DatabaseError, ObjectDoesNotExist):
            # Another writer was faster, or the database broke a deadlock: nothing was changed.
            time.sleep(0.01)
    connection.close()


# ------------------------------------------------------------------------------- who and what


def person() -> User:
    return random.choice(list(User.objects.order_by("pk")))


def group() -> Group:
    return random.choice(list(Group.objects.order_by("pk")))


def membership() -> Membership:
    """Raises ObjectDoesNotExist when nobody is in any group."""
    rows = list(Membership.objects.order_by("pk"))
    if not rows:
        raise Membership.DoesNotExist
    return random.choice(rows)


def word() -> str:
    return f"w{random.randrange(10_000)}"


# ---------------------------------------------------------- edits that send a signal, by weight


def _add_from_group() -> None:
    group().users.add(person(), person())


def _add_from_person() -> None:
    person().groups.add(group())


def _add_row() -> None:
    Membership.objects.get_or_create(user=person(), group=group())


def _remove_from_group() -> None:
    held = membership()
    held.group.users.remove(held.user)


def _remove_from_person() -> None:
    held = membership()
    held.user.groups.remove(held.group)


def _remove_row() -> None:
    membership().delete()


def _remove_rows() -> None:
    Membership.objects.filter(pk__in=[membership().pk, membership().pk]).delete()


def _set_groups() -> None:
    person().groups.set([group(), group()])


def _move_row() -> None:
    held = membership()
    held.group = group()
    held.save()


def _new_title() -> None:
    one = person()
    one.title = random.choice(["", word()])
    one.last_name = word()
    one.save()


def _new_name() -> None:
    one = person()
    stem, _, number = one.username.partition("@")[0].partition("-")
    one.username = f"{stem}-{int(number) + 1}@example.org"
    one.save()


def _switch() -> None:
    one = person()
    one.is_active = not one.is_active
    one.save()


def _delete_person() -> None:
    """And, half of the time, add them again at once, as an import does that starts anew."""
    one = person()
    name, again = one.username, random.random() < 0.5
    groups = list(one.groups.all())
    one.delete()
    if again:
        User.objects.create(username=name, first_name=word(), email=name).groups.add(*groups)


def _new_person() -> None:
    if User.objects.count() >= _MOST_PEOPLE:
        _delete_person()
        return
    name = f"p{random.randrange(1_000, 1_000_000)}-0@example.org"
    group().users.create(username=name, first_name=word(), email=name)


_SIGNALLED: dict[Edit, int] = {
    _add_from_group: 6,
    _add_from_person: 6,
    _add_row: 6,
    _remove_from_group: 4,
    _remove_from_person: 4,
    _remove_row: 4,
    _remove_rows: 2,
    _set_groups: 2,
    _move_row: 2,
    _new_title: 6,
    _new_name: 4,
    _switch: 6,
    _delete_person: 2,
    _new_person: 4,
}


# ------------------------------------------------------------------ edits that send no signal


def _add_in_bulk() -> None:
    rows = [Membership(user=person(), group=group()) for _ in range(3)]
    Membership.objects.bulk_create(rows, ignore_conflicts=True)


def _move_in_bulk() -> None:
    Membership.objects.filter(pk=membership().pk).update(group=group())


def _switch_in_bulk() -> None:
    one = person()
    User.objects.filter(pk=one.pk).update(is_active=not one.is_active)


def _title_in_bulk() -> None:
    User.objects.filter(pk__in=[person().pk, person().pk]).update(title=word())


def _objects_in_bulk() -> None:
    people = [person() for _ in range(2)]
    for one in people:
        one.first_name = word()
    User.objects.bulk_update(people, ["first_name"])


def _remove_in_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM iam_membership WHERE id = %s", [membership().pk])


_SILENT: dict[Edit, int] = {
    _add_in_bulk: 3,
    _move_in_bulk: 3,
    _switch_in_bulk: 3,
    _title_in_bulk: 3,
    _objects_in_bulk: 2,
    _remove_in_sql: 2,
}


# --------------------------------------------------------------- edits that concern a whole app


def _switch_policy() -> None:
    one = random.choice(list(Policy.objects.filter(enabled=True) or Policy.objects.all()))
    if random.random() < 0.7:
        one = random.choice(list(Policy.objects.filter(enabled=False) or [one]))
    one.enabled = not one.enabled
    one.save()


def _switch_policy_in_bulk() -> None:
    Policy.objects.filter(enabled=False).update(enabled=True)


def _map_elsewhere() -> None:
    row = random.choice(list(Mapping.objects.filter(target="title")))
    row.source = random.choice(["title", "department", "employee_id"])
    row.save()


def _switch_feature() -> None:
    app = random.choice(list(App.objects.all()))
    feature = random.choice(["update_users", "deactivate_users", "create_users"])
    app.features = [each for each in app.features if each != feature] + (
        [] if feature in app.features else [feature]
    )
    app.save()


def _delete_group() -> None:
    """And make it again, with the policies and the people that it had."""
    old = group()
    policies, people = list(old.policies.all()), list(old.users.all()[:20])
    name = old.name
    old.delete()
    new = Group.objects.create(name=name)
    new.users.add(*people)
    for policy in policies:
        Policy.objects.create(name=policy.name, app=policy.app, group=new, enabled=policy.enabled)


_SWEEPING: dict[Edit, int] = {
    _switch_policy: 1,
    _switch_policy_in_bulk: 1,
    _map_elsewhere: 1,
    _switch_feature: 1,
    _delete_group: 1,
}
