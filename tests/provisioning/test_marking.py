"""Many people at once are marked by a few statements, and nobody else along with them."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, Membership, User
from provisioning import queue
from provisioning.models import Account, App, Trigger
from tests.conftest import person

Captured = list[str]


def statements(group: Group, people: list[User]) -> Captured:
    """What adding these people sends to the database, but for the memberships themselves."""
    with CaptureQueriesContext(connection) as queries:
        group.users.add(*people)
    insert = f'INSERT INTO "{Membership._meta.db_table}"'
    return [each["sql"] for each in queries if not each["sql"].startswith(insert)]


def people(count: int, *, prefix: str) -> list[User]:
    return User.objects.bulk_create(
        User(username=f"{prefix}{number}@example.org") for number in range(count)
    )


def test_many_new_members_are_as_many_statements_as_a_few(faulty_app: App, sales: Group) -> None:
    few = statements(sales, people(2, prefix="few"))
    many = statements(sales, people(500, prefix="many"))
    assert len(many) == len(few)
    assert Account.objects.filter(due_at__isnull=False).count() == 502


def test_who_is_switched_off_gets_no_account_beside_somebody_else(
    faulty_app: App, sales: Group, bob: User
) -> None:
    off = person("off", is_active=False)
    sales.users.add(off)
    sales.users.add(bob)
    queue.sweep()
    assert not Account.objects.filter(user=off).exists()


def test_one_more_member_marks_nobody_else(faulty_app: App, sales: Group, bob: User) -> None:
    # Bulk writes send no signal: these wait for the sweep.
    Membership.objects.bulk_create(
        Membership(user=user, group=sales) for user in people(5, prefix="silent")
    )
    sales.users.add(bob)
    assert list(Account.objects.values_list("user", flat=True)) == [bob.pk]


def test_one_person_in_several_groups_gets_one_account(
    faulty_app: App, sales: Group, bob: User
) -> None:
    board = Group.objects.create(name="Board")
    faulty_app.policies.create(name="Zoom for the board", group=board)
    Membership.objects.bulk_create(Membership(user=bob, group=each) for each in (sales, board))
    queue.mark(users=[bob.pk], trigger=Trigger.MANUAL)
    assert Account.objects.filter(user=bob).count() == 1
