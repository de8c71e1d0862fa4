"""Whoever edits while workers record is never the one who pays: the workers give way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from iam.models import Group, User
from provisioning import lanes, queue, reconcile, record, transactions
from provisioning.models import Account, App, Event, Outcome
from provisioning.plan import Operation
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim
from tests.support.past import let_an_hour_pass
from tests.support.threads import eventually, meanwhile, shared_database

pytestmark = pytest.mark.django_db(transaction=True)

only_where_rows_are_locked = pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="SQLite has one writer at a time, and so no circles"
)


@pytest.fixture(autouse=True)
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def accounts(app: App, sales: Group) -> list[Account]:
    """Of two people."""
    sales.users.add(person("ann"), person("bob"))
    return list(app.accounts.order_by("pk"))


def touch(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(attempts=F("attempts") + 1)


def attempts() -> list[int]:
    return list(Account.objects.order_by("pk").values_list("attempts", flat=True))


# --------------------------------------------------------------------------------- giving way


@only_where_rows_are_locked
def test_an_edit_gets_the_rows_that_a_worker_took_in_the_other_order(
    accounts: list[Account],
) -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        for account in accounts:
            touch(account)

    with ExitStack() as stack, transaction.atomic():
        touch(accounts[1])
        stack.enter_context(meanwhile(lambda: transactions.giving_way(work)))
        assert eventually(lambda: len(tries) > 2)
        # A worker that held this one, and waited for the other, would close the circle.
        touch(accounts[0])
    assert attempts() == [2, 2]


def test_work_that_meets_nobody_is_done_once(accounts: list[Account]) -> None:
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        return "done"

    assert transactions.giving_way(work) == "done"
    assert tries == [1]


def test_work_that_fails_is_undone_and_not_tried_again(accounts: list[Account]) -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        touch(accounts[0])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transactions.giving_way(work)
    assert (tries, attempts()) == ([1], [0, 0])


def test_a_database_that_fails_in_another_way_is_not_asked_again() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM nowhere")

    with pytest.raises(Exception, match="nowhere"):
        transactions.giving_way(work)
    assert tries == [1]


def test_what_fails_inside_a_transaction_leaves_the_rest_of_it_alone(
    accounts: list[Account],
) -> None:
    def double() -> None:
        Account.objects.update(remote_id="the same")

    with transaction.atomic():
        touch(accounts[0])
        with pytest.raises(IntegrityError):
            transactions.giving_way(double)
        touch(accounts[1])
    assert attempts() == [1, 1]


@only_where_rows_are_locked
def test_nobody_else_is_made_impatient(accounts: list[Account]) -> None:
    transactions.giving_way(lambda: touch(accounts[0]))
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


# -------------------------------------------------------------------- what the workers write


def test_an_answer_is_recorded_although_the_person_is_renamed_at_the_same_time(
    accounts: list[Account], app: App
) -> None:
    account = accounts[0]
    assert account.user is not None
    lease = lanes.acquire(app.pk, owner="here")
    assert lease is not None
    done = record.event(account, Operation.UPDATE, Outcome.DONE, "Changed.")

    def save() -> None:
        record.save([record.Result(account, event=done)], lease=lease)

    with ExitStack() as stack, transaction.atomic():
        account.user.username = "ann.ash@example.org"
        account.user.save()
        stack.enter_context(meanwhile(save))
    assert list(Event.objects.values_list("message", flat=True)) == ["Changed."]


def test_an_answer_is_recorded_although_the_person_is_deleted_at_the_same_time(
    accounts: list[Account], app: App
) -> None:
    account = accounts[0]
    lease = lanes.acquire(app.pk, owner="here")
    assert lease is not None
    done = record.event(account, Operation.UPDATE, Outcome.DONE, "Changed.")

    def save() -> None:
        record.save([record.Result(account, event=done)], lease=lease)

    with ExitStack() as stack, transaction.atomic():
        User.objects.get(pk=account.user_id).delete()
        stack.enter_context(meanwhile(save))
    assert list(Event.objects.values_list("message", "user")) == [("Changed.", None)]


@only_where_rows_are_locked
def test_the_routine_check_leaves_out_what_somebody_is_writing(accounts: list[Account]) -> None:
    Account.objects.update(due_at=None, granted=True, checked_at=timezone.now())
    let_an_hour_pass()
    User.objects.update(title="Engineer")
    with transaction.atomic():
        touch(accounts[0])
        with meanwhile(queue.sweep):
            pass
    due = Account.objects.exclude(due_at=None)
    assert list(due) == accounts[1:]
    queue.sweep()
    assert due.all().count() == 2


@only_where_rows_are_locked
def test_a_comparison_passes_over_what_somebody_is_writing(
    app: App, accounts: list[Account], push: Callable[[], None]
) -> None:
    push()
    push()
    let_an_hour_pass()
    run = reconcile.start(app)
    with transaction.atomic():
        touch(accounts[0])
        with meanwhile(lambda: reconcile.work(run)):
            pass
    run.refresh_from_db()
    assert (run.same, run.unknown, run.missing) == (1, 0, 0)
    assert "1 account" in run.message
