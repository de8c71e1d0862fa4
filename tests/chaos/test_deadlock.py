"""Results are recorded although PostgreSQL ended a deadlock with an edit at their cost."""

import threading
from types import SimpleNamespace

import pytest
from django.db import connection, connections, transaction

from iam.models import User
from provisioning import lanes, record
from provisioning.models import Account, Event, Outcome
from provisioning.plan import Operation
from tests.support.threads import eventually


@pytest.mark.django_db(transaction=True)
def test_an_answer_is_recorded_although_the_person_is_edited_at_the_same_time(make_app, sales, ann):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, and so no deadlocks")
    nowhere = SimpleNamespace(base_url="http://127.0.0.1:9", token="t")
    app = make_app(nowhere, group=sales)
    account = Account.objects.get(user=ann)
    lease = lanes.acquire(app.pk, owner="here")
    done = record.event(account, Operation.UPDATE, Outcome.DONE, "Changed.")
    recording = threading.Thread(target=_save, args=[record.Result(account, event=done), lease])
    with transaction.atomic():
        # As an edit does: first the person, then, by way of the signals, the accounts.
        User.objects.select_for_update().get(pk=ann.pk)
        recording.start()
        assert eventually(_somebody_waits)
        Account.objects.filter(pk=account.pk).update(trigger="person")
    recording.join(60)
    assert list(Event.objects.values_list("message", flat=True)) == ["Changed."]


def _save(result, lease):
    try:
        record.save([result], lease=lease)
    finally:
        connections.close_all()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0
