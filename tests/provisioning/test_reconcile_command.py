"""`manage.py reconcile` tells what it found, in its exit status too, and can be interrupted."""

import io
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from iam.models import Group, User
from provisioning import reconcile
from provisioning.models import Account, App, Drift, Run
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, answer, pages
from tests.support.looks import agree
from tests.support.servers import Reply
from tests.support.threads import (
    WITHIN,
    WorkerThread,
    eventually,
    manage_process,
    shared_database,
)

Push = Callable[[], None]


@pytest.fixture(autouse=True)
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    sales.users.add(*[person(f"p{number}") for number in range(5)])
    app = make_app(faulty, name="Zoom Übersee", group=sales)
    push()
    faulty.requests.clear()
    faulty.paging = pages(2)
    return app


def give(*arguments: str) -> tuple[int, str]:
    """Exit status and output of the command."""
    out = io.StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def switch_off(faulty: FaultyScim, name: str) -> None:
    faulty.user(name)["active"] = False


# ------------------------------------------------------------------------------------- outcomes


def test_all_as_it_should_be_is_0(app: App) -> None:
    status, said = give("Zoom Übersee")
    assert status == 0
    assert "6 listed: 6 as they should be, 0 changed there, 0 missing there, 0 unknown" in said


@pytest.mark.parametrize("name", ["zoom übersee", "ZOOM ÜBERSEE"])
def test_the_name_may_be_written_in_small_or_large_letters(app: App, name: str) -> None:
    assert give(name)[0] == 0


def test_what_is_put_right_is_0(app: App, ann: User, faulty: FaultyScim, push: Push) -> None:
    switch_off(faulty, ann.username)
    faulty.add("stranger")
    status, said = give("Zoom Übersee")
    assert status == 0
    assert "1 changed there" in said
    assert "1 unknown to Gatehouse" in said
    push()
    agree(app, faulty)


def test_what_was_accepted_is_0(app: App, ann: User, faulty: FaultyScim) -> None:
    App.objects.update(drift=Drift.ACCEPT)
    switch_off(faulty, ann.username)
    assert give("Zoom Übersee")[0] == 0


def test_what_needs_a_person_is_1(app: App, ann: User, faulty: FaultyScim) -> None:
    App.objects.update(drift=Drift.ASK)
    switch_off(faulty, ann.username)
    assert give("Zoom Übersee")[0] == 1


def test_a_list_with_gaps_is_1_and_says_why(app: App, faulty: FaultyScim) -> None:
    faulty.on("GET", answer(500), about="startIndex=3")
    status, said = give("Zoom Übersee")
    assert status == 1
    assert "has a problem on its side (error 500)" in said


def test_a_dry_run_that_finds_something_is_1_and_changes_nothing(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    switch_off(faulty, ann.username)
    before = list(Account.objects.values())
    assert give("Zoom Übersee", "--dry-run")[0] == 1
    assert list(Account.objects.values()) == before
    push()
    assert faulty.writes == []


# ---------------------------------------------------------------------------------------- usage


def test_an_unknown_application_is_2_and_lists_those_that_there_are(app: App) -> None:
    with pytest.raises(CommandError, match="There is “Zoom Übersee”") as failed:
        give("Slack")
    assert failed.value.returncode == 2
    assert not Run.objects.exists()


def test_a_dry_run_is_not_mixed_with_one_that_acts(app: App, faulty: FaultyScim) -> None:
    reconcile.start(app)
    with pytest.raises(CommandError, match="under way") as failed:
        give("Zoom Übersee", "--dry-run")
    assert failed.value.returncode == 2
    assert faulty.requests == []


def test_without_an_application_it_says_how_it_is_given(app: App) -> None:
    with manage_process("reconcile") as process:
        said, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == 2
    assert "the following arguments are required: app" in said


# --------------------------------------------------------------------------------- interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_so_and_goes_on_when_it_is_given_again(
    app: App, faulty: FaultyScim, number: int
) -> None:
    arrived, opened = threading.Event(), threading.Event()

    def hold(serve: Callable[[], Reply]) -> Reply:
        arrived.set()
        assert opened.wait(WITHIN)
        return serve()

    faulty.on("GET", hold, about="startIndex=3", times=1)
    with manage_process("reconcile", "Zoom Übersee") as process:
        assert arrived.wait(WITHIN)
        process.send_signal(number)
        opened.set()
        said, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == 1
    assert "Give the same command to go on from here" in said
    assert "4 listed" in said
    assert Run.objects.get().owner == ""
    assert give("Zoom Übersee")[0] == 0
    assert faulty.journal == ["GET /Users"] * 4
    assert Run.objects.get().listed == 6


def test_what_was_killed_is_taken_over_when_its_lease_has_run_out(
    app: App, faulty: FaultyScim
) -> None:
    killed: list[subprocess.Popen[str]] = []

    def kill(serve: Callable[[], Reply]) -> Reply:
        killed[0].kill()
        killed[0].wait()
        return serve()

    faulty.on("GET", kill, about="startIndex=3", times=1)
    with manage_process("reconcile", "Zoom Übersee") as process:
        killed.append(process)
        assert eventually(lambda: process.poll() is not None)
    run = Run.objects.get()
    assert (run.listed, bool(run.owner)) == (2, True)
    Run.objects.update(lease_until=run.started_at)
    assert give("Zoom Übersee")[0] == 0
    assert Run.objects.get().listed == 6


# ----------------------------------------------------------------------------------- the worker


def test_a_worker_carries_out_what_somebody_asked_for_and_puts_it_right(
    app: App, ann: User, faulty: FaultyScim
) -> None:
    switch_off(faulty, ann.username)
    run = reconcile.start(app, actor="olga")
    with WorkerThread():
        assert eventually(lambda: ann.username in faulty.active_names())
        assert eventually(lambda: not Account.objects.exclude(due_at=None).exists())
    run.refresh_from_db()
    assert (run.complete, run.changed) == (True, 1)
    agree(app, faulty)


def test_a_comparison_that_takes_long_holds_up_no_push_and_stops_with_the_worker(
    app: App, bob: User, sales: Group, faulty: FaultyScim
) -> None:
    """Another app is pushed to while this one does not answer."""
    arrived, opened = threading.Event(), threading.Event()

    def hold(serve: Callable[[], Reply]) -> Reply:
        arrived.set()
        assert opened.wait(WITHIN)
        return serve()

    with FaultyScim() as slow:
        slow.on("GET", hold)
        App.objects.update(settings={"base_url": slow.base_url})
        reconcile.start(App.objects.get())
        with WorkerThread() as worker:
            assert arrived.wait(WITHIN)
            App.objects.update(settings={"base_url": faulty.base_url})
            sales.users.add(bob)
            assert eventually(lambda: bob.username in faulty.names())
            worker.stopping.set()
            opened.set()
            worker.stop()
    run = Run.objects.get()
    assert (run.owner, run.lease_until) == ("", None)


def test_the_command_watches_what_a_worker_is_at(app: App, faulty: FaultyScim) -> None:
    arrived, opened = threading.Event(), threading.Event()

    def hold(serve: Callable[[], Reply]) -> Reply:
        arrived.set()
        assert opened.wait(WITHIN)
        return serve()

    faulty.on("GET", hold, about="startIndex=3", times=1)
    reconcile.start(app, actor="olga")
    with WorkerThread():
        assert arrived.wait(WITHIN)
        with manage_process("reconcile", "Zoom Übersee") as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            opened.set()
            said, _ = process.communicate(timeout=WITHIN)
    assert first == "Going on with the comparison that olga started: 2 of 6 accounts.\n"
    assert (process.returncode, Run.objects.count()) == (0, 1)
    assert "6 as they should be" in said
