"""manage.py push: have accounts looked at again now, and watch until it is done."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Count, QuerySet

from iam import actor
from iam.models import User
from iam.text import counted
from provisioning import heartbeat, queue
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, WAITS, Progress
from provisioning.management.stopping import asked_to_stop
from provisioning.models import NEEDS_A_PERSON, Account, App, Problem, PushedGroup, Trigger

_LOOK_EVERY = 0.5
_NO_WORKER = (
    "No worker is running, so nothing is sent. Start “manage.py serve” or “manage.py worker”: it "
    "goes on with what was marked."
)


class Command(answering.Command):
    help = (
        "Have the accounts of a person, of an application, or all, looked at again now by the "
        "worker, as “Push now” does. Ends with 0 if they were marked, or with --wait if all was "
        "done; with 1 if that failed or took too long; with 3 if something waits for a person; "
        "with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("app", nargs="?", type=answering.name, help="the application's name")
        parser.add_argument("--person", type=answering.name, help="only this person's accounts")
        parser.add_argument("--all", action="store_true", help="every account everywhere")
        parser.add_argument(
            "--wait",
            type=answering.seconds,
            nargs="?",
            const=600.0,
            metavar="SECONDS",
            help="watch until it is done, for at most so long (600)",
        )

    def answer(self, options: dict[str, Any]) -> int:
        if bool(options["app"] or options["person"]) == options["all"]:
            raise answering.wrong("Name an application or a --person, or say --all.")
        app = answering.app_named(options["app"]) if options["app"] else None
        user = answering.person_named(options["person"]) if options["person"] else None
        accounts, groups = _chosen(app, user)
        _mark(app, user)
        marked = queue.unsettled(accounts).count()
        self.say(f"{counted(marked, 'account is', 'accounts are')} looked at again now.")
        self.stdout.flush()
        if options["wait"] is None:
            self.give({"marked": marked})
            return DONE
        with asked_to_stop() as stopped:
            left = self._watch(accounts, groups, marked, options["wait"], stopped)
        return self._told(accounts, marked, left)

    def _watch(
        self,
        accounts: QuerySet[Account],
        groups: QuerySet[PushedGroup],
        marked: int,
        seconds: float,
        stopped: Callable[[], bool],
    ) -> int:
        """How much is left to do; paused applications are not waited for."""
        ends = time.monotonic() + seconds
        with Progress(self, "Push", unit="accounts") as progress:
            while True:
                left = queue.unsettled(accounts.filter(app__paused=False)).count()
                progress.show(max(0, marked - left), marked)
                left += queue.unsettled(groups.filter(app__paused=False)).count()
                over = stopped() or time.monotonic() > ends or not heartbeat.alive()
                if not left or over:
                    return left
                time.sleep(_LOOK_EVERY)

    def _told(self, accounts: QuerySet[Account], marked: int, left: int) -> int:
        troubled = accounts.exclude(problem="").order_by("problem").values_list("problem")
        problems = dict(troubled.annotate(count=Count("pk")))
        paused = queue.unsettled(accounts.filter(app__paused=True)).count()
        self.give({"marked": marked, "left": left, "paused": paused, "problems": problems})
        if left:
            why = "Not everything is done yet" if heartbeat.alive() else _NO_WORKER
            self.say(f"{why} ({left:,} left). What is left is done by the worker.")
        if paused:
            self.say(f"{counted(paused, 'account')} wait because an application is paused.")
        for problem, count in problems.items():
            self.say(
                f"{counted(count, 'account')}: {Problem(problem).label}. See Accounts, or “why”."
            )
        if left or paused or Problem.UNAVAILABLE in problems:
            return FAILED
        asked = problems.keys() & {*NEEDS_A_PERSON, Problem.HELD}
        if not asked:
            self.say("All done.")
        return WAITS if asked else DONE


def _chosen(app: App | None, user: User | None) -> tuple[QuerySet[Account], QuerySet[PushedGroup]]:
    accounts, groups = Account.objects.all(), PushedGroup.objects.all()
    if user is not None:
        accounts, groups = accounts.filter(user=user), groups.none()
    if app is not None:
        accounts, groups = accounts.filter(app=app), groups.filter(app=app)
    return accounts, groups


def _mark(app: App | None, user: User | None) -> None:
    apps = App.objects.values("pk") if app is None else [app.pk]
    with actor.acting_as("command line"):
        if user is None:
            queue.mark_apps(apps, trigger=Trigger.MANUAL)
        else:
            queue.mark(users=[user.pk], apps=apps, trigger=Trigger.MANUAL)
