"""manage.py holds: removals that wait for a person, and the decision about them."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count, Max, QuerySet, Sum

from iam.text import normalise
from provisioning import group_guard, guard
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, WAITS
from provisioning.models import Hold

_LIST, _RELEASE, _REJECT = "list", "release", "reject"
_EFFECTS = {
    _RELEASE: "They lose access within seconds.",
    _REJECT: "They stay as they are until something changes for them.",
}


class Command(answering.Command):
    help = (
        "List the removals that wait for a decision, release them or reject them. Ends with 0 if "
        "nothing waits or the decision was made, with 3 if something waits for one, with 1 if "
        "nothing waited any more, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            nargs="?",
            default=_LIST,
            choices=[_LIST, _RELEASE, _REJECT],
            help="list them, release: let it happen, or reject: keep the accounts (list)",
        )
        parser.add_argument("--app", type=answering.name, help="only of this application")
        parser.add_argument(
            "--person", type=answering.name, help="only of this user name, or group there"
        )
        parser.add_argument("--all", action="store_true", help="decide about all that wait")
        parser.add_argument("--reason", default="", help="why it is decided so")
        parser.add_argument("--by", default="", help="the operator who decides")
        parser.add_argument("--yes", action="store_true", help="decide without asking")
        parser.add_argument(
            "--rows", type=answering.rows, default=50, help="list at most so many (50)"
        )

    def answer(self, options: dict[str, Any]) -> int:
        holds = guard.waiting().order_by("app__name", "identifier_key", "pk")
        if options["app"]:
            holds = holds.filter(app=answering.app_named(options["app"]))
        if options["person"]:
            holds = holds.filter(identifier_key=normalise(options["person"]))
        if options["what"] == _LIST:
            return self._list(holds, options["rows"])
        if bool(options["app"] or options["person"]) == options["all"]:
            raise answering.wrong("Name an --app or a --person, or say --all.")
        return self._decide(holds, options)

    def _list(self, holds: QuerySet[Hold], rows: int) -> int:
        total = holds.count()
        self.say(*_counts(holds), *([] if total else ["Nothing waits for a decision."]))
        for hold in holds.select_related("app")[:rows]:
            self.give(_document(hold))
            self.say(f"  {hold}: {hold.get_operation_display().lower()}? {hold.why}")
        if total > rows:
            self.say(f"  … and {total - rows:,} more; see them with --rows.")
        return WAITS if total else DONE

    def _decide(self, holds: QuerySet[Hold], options: dict[str, Any]) -> int:
        by = answering.operator_named(options["by"], rights=["provisioning.change_hold"])
        reason, what = options["reason"].strip(), options["what"]
        if not reason:
            raise answering.wrong("A decision has a reason: give one with --reason.")
        newest = holds.aggregate(newest=Max("pk"))["newest"]
        if newest is None:
            raise CommandError("None of these waits for a decision.", returncode=FAILED)
        # What comes to wait while somebody reads the question was not asked about.
        holds = holds.filter(pk__lte=newest)
        self.say(*_counts(holds), _EFFECTS[what])
        if not options["yes"] and not self.confirmed():
            raise answering.wrong("Nothing was decided. Answer “yes”, or say --yes.")
        decide = group_guard.release if what == _RELEASE else group_guard.reject
        count = decide(holds.order_by(), by=by, reason=reason)
        self.give({"decision": what, "decided": count, "by": by})
        self.say(f"Decided about {count:,}.")
        return DONE if count else FAILED


def _counts(holds: QuerySet[Hold]) -> list[str]:
    counts = holds.order_by("app__name", "operation").values_list("app__name", "operation")
    return [
        f"{app}: {count:,} waiting, {people:,} people ({operation.replace('_', ' ')})."
        for app, operation, count, people in counts.annotate(Count("pk"), Sum("people"))
    ]


def _document(hold: Hold) -> dict[str, Any]:
    return {
        "app": hold.app.name,
        "person": hold.identifier,
        "people": hold.people,
        "operation": hold.operation,
        "why": hold.why,
        "held_at": hold.held_at,
    }
