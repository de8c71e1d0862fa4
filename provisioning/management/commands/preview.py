"""manage.py preview: what would be sent now, without sending it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from iam.models import User
from iam.text import counted
from provisioning import group_preview, preview
from provisioning.group_preview import GroupSummary
from provisioning.management import answering
from provisioning.management.answering import DONE, WAITS, Progress
from provisioning.models import OPERATION_LABELS, App
from provisioning.plan import Operation
from provisioning.preview import Step, Summary

_KINDS = {
    "refused": "Cannot be sent",
    "held": "Wait for a decision",
    "switched_off": "Not done, as a feature is off",
    Operation.NOTHING.value: "Nothing to do",
    **{operation.value: label for operation, label in OPERATION_LABELS.items()},
}


class Command(answering.Command):
    help = (
        "Say what would be sent now: for what is due in all applications or in one, or for one "
        "person. Counts come first, then the accounts, then the groups there. Nothing is sent or "
        "changed. Ends with 0, with 3 if something would wait for a "
        "person, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "app", nargs="?", type=answering.name, help="the application's name; without it, all"
        )
        parser.add_argument("--person", type=answering.name, help="only this person, due or not")
        parser.add_argument(
            "--rows", type=answering.rows, default=50, help="at most so many of each (50)"
        )

    def answer(self, options: dict[str, Any]) -> int:
        apps = answering.apps_asked(options["app"])
        if not apps:
            self.say(answering.NO_APP)
        user = answering.person_named(options["person"]) if options["person"] else None
        waits = False
        for app in apps:
            found = preview.summary(app, self._steps(app, user), rows=options["rows"])
            # Who belongs to a group is about many people.
            groups = None if user else self._groups(app, rows=options["rows"])
            self.give({**_document(found), **(_of_groups(groups) if groups else {})})
            self.say(*_sentences(found), *(_about_groups(groups) if groups else []))
            for counts in (found.counts, groups.counts if groups else Counter()):
                waits = waits or bool(counts["refused"] or counts["held"])
        return WAITS if waits else DONE

    def _groups(self, app: App, *, rows: int) -> GroupSummary:
        return group_preview.summary(app, group_preview.due(app), rows=rows)

    def _steps(self, app: App, user: User | None) -> Iterator[Step]:
        if user is not None:
            yield preview.of_person(app, user)
            return
        due = preview.due(app)
        total = due.count()
        with Progress(self, str(app), unit="accounts") as progress:
            for count, step in enumerate(preview.steps(app, due), start=1):
                yield step
                progress.show(count, total)


def _sentences(found: Summary) -> list[str]:
    total = found.counts.total()
    counts = [f"  {count:,}: {_KINDS[kind]}" for kind, count in found.counts.most_common()]
    left = total - found.counts[Operation.NOTHING] - len(found.first)
    more = [f"  … and {left:,} more; see them with --rows."] if left else []
    paused = [f"  {found.app} is paused, so nothing is sent for now."] if found.app.paused else []
    accounts = counted(total, "account")
    rows = [f"  {step.account.identifier}: {preview.in_words(step)}" for step in found.first]
    return [f"{found.app}: {accounts}.", *paused, *counts, *rows, *more]


def _document(found: Summary) -> dict[str, Any]:
    return {
        "app": found.app.name,
        "paused": found.app.paused,
        "counts": dict(found.counts),
        "accounts": [
            {
                "person": step.account.identifier,
                "wanted": step.wanted,
                "step": step.kind,
                "operation": step.action.operation,
                "changes": [vars(change) for change in step.changes],
                "message": preview.in_words(step),
            }
            for step in found.first
        ],
    }


def _about_groups(found: GroupSummary) -> list[str]:
    total = found.counts.total()
    if not total:
        return []
    counts = [f"  {count:,}: {_KINDS[kind]}" for kind, count in found.counts.most_common()]
    left = total - found.counts[Operation.NOTHING] - len(found.first)
    more = [f"  … and {left:,} more groups; see them with --rows."] if left else []
    rows = [f"  {step.pushed.name}: {group_preview.in_words(step)}" for step in found.first]
    return [counted(total, "group there.", "groups there."), *counts, *rows, *more]


def _of_groups(found: GroupSummary) -> dict[str, Any]:
    return {
        "group_counts": dict(found.counts),
        "groups": [
            {
                "group": step.pushed.name,
                "step": step.kind,
                "operation": step.action.operation,
                "changes": [vars(change) for change in step.action.changes],
                "added": step.joining,
                "taken_out": step.leaving,
                "message": group_preview.in_words(step),
            }
            for step in found.first
        ],
    }
