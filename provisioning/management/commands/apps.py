"""manage.py apps: how the applications stand; check one, pause it, or let it go on."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from iam import actor
from provisioning import apps_setup
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, WAITS
from provisioning.models import App, Lane

_LIST, _CHECK, _PAUSE, _RESUME = "list", "check", "pause", "resume"


class Command(answering.Command):
    help = (
        "List the applications with their state, check the connection to one, pause it or let it "
        "go on. Ends with 0 if all is well or it was done, with 1 if the connection failed, with "
        "3 if an application is stopped or accounts need a person, with 2 if the command was "
        "given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            nargs="?",
            default=_LIST,
            choices=[_LIST, _CHECK, _PAUSE, _RESUME],
            help="list all, check the connection of one, pause it, or resume it (list)",
        )
        parser.add_argument("app", nargs="?", type=answering.name, help="the application's name")

    def answer(self, options: dict[str, Any]) -> int:
        what, name = options["what"], options["app"]
        if (what == _LIST) == bool(name):
            raise answering.wrong(
                "“list” takes no name, the others need the name of an application: apps check Zoom"
            )
        if what == _LIST:
            return self._list()
        app = answering.app_named(name)
        return self._check(app) if what == _CHECK else self._pause(app, paused=what == _PAUSE)

    def _list(self) -> int:
        waits = False
        for told in _documents():
            self.give(told)
            self.say(
                f"{told['app']} ({told['kind']}): {told['state']}, {told['active']:,} active, "
                f"{told['due']:,} due, {told['need_a_person']:,} need a person."
                + (f" {told['problem']}" if told["problem"] else "")
            )
            waits = waits or bool(told["problem"] or told["need_a_person"])
        if not App.objects.exists():
            self.say(answering.NO_APP)
        return WAITS if waits else DONE

    def _check(self, app: App) -> int:
        worked, sentence = apps_setup.check_connection(app)
        self.give({"app": app.name, "connected": worked, "message": sentence})
        self.say(sentence)
        return DONE if worked else FAILED

    def _pause(self, app: App, *, paused: bool) -> int:
        with actor.acting_as("command line"):
            apps_setup.pause(app, paused=paused)
        self.give({"app": app.name, "paused": paused})
        self.say(
            f"Nothing is sent to {app} until you give “apps resume”. What changes is remembered."
            if paused
            else f"{app} goes on: what has waited is sent now."
        )
        return DONE


def _documents() -> Iterator[dict[str, Any]]:
    problems = dict(Lane.objects.exclude(problem="").values_list("app", "problem"))
    app: Any  # with what `counted` has added
    for app in apps_setup.counted(App.objects.all()):
        problem = problems.get(app.pk, "")
        yield {
            "app": app.name,
            "kind": app.kind.label,
            "state": "paused" if app.paused else "stopped" if problem else "working",
            "active": app.active_accounts,
            "due": app.due_accounts,
            "need_a_person": app.stuck_accounts,
            "problem": problem,
        }
