"""manage.py import-users: add and change people from a CSV file or an Excel workbook."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from iam import actor, batches, people_file, people_import
from iam.people_file import Person
from iam.people_import import Examined
from iam.people_lines import Problem, Unusable
from provisioning import queue
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, Progress
from provisioning.management.stopping import asked_to_stop
from provisioning.models import Trigger
from provisioning.transactions import giving_way

Read = Callable[[], Iterable[Person | Problem]]
Write = Callable[[Sequence[Person]], list[int]]


class Command(answering.Command):
    help = (
        "Add and change people from a CSV file, or a sheet of an Excel workbook, whose first line "
        "names the attributes. The whole file is checked first, and nothing is written if a line "
        "is wrong. Nobody is removed. Ends with 0 if all people are as the file says, with 1 if "
        "the file is wrong or it was interrupted, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the CSV file, in UTF-8, or .xlsx")
        parser.add_argument("--sheet", default="", help="of a workbook, if not the first one")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument(
            "--clear-empty", action="store_true", help="an empty cell empties the attribute"
        )

    def answer(self, options: dict[str, Any]) -> int:
        path = options["file"]
        read = partial(
            people_file.people, path, clearing=options["clear_empty"], sheet=options["sheet"]
        )
        try:
            with asked_to_stop() as stopped:
                return self._import(read, options["dry_run"], stopped)
        except Unusable as error:
            self.give({"problems": [vars(error.problem)], "written": 0})
            self.say(str(error), "Nothing was changed.")
            return FAILED
        except OSError as error:
            if error.filename is None:
                # Not of the file: what it says about it could not be written.
                raise
            raise answering.wrong(f"{path} cannot be read: {error.strerror}.") from error

    def _import(self, read: Read, dry: bool, stopped: Callable[[], bool]) -> int:
        with Progress(self, "Checking", unit="people") as progress:
            found = people_import.examine(_counted(read(), progress, stopped))
        written = 0
        if not stopped():
            self.say(*_sentences(found, dry=dry))
            self.stdout.flush()
        usable = found.people and not found.wrong
        if usable and not dry and found.new + found.changed:
            written = self._write(read, found, stopped)
        self.give(_document(found, written))
        if stopped():
            self.say("Interrupted. Give the same command again: it goes on with what is left.")
        return DONE if usable and not stopped() else FAILED

    def _write(self, read: Read, found: Examined, stopped: Callable[[], bool]) -> int:
        """How many lines were gone through; managers last, as they may stand further down."""
        done = 0
        with Progress(self, "Writing", unit="people") as progress:
            for batch in batches.of(_people(read()), people_import.BATCH):
                if stopped():
                    return done
                _put(people_import.write, batch)
                done += len(batch)
                progress.show(done, found.people)
        with Progress(
            self, "Managers", unit="people have the manager that the file says"
        ) as progress:
            for count, batch in enumerate(
                batches.of(_people(read()), people_import.BATCH), start=1
            ):
                if stopped():
                    return done
                _put(people_import.write_managers, batch)
                progress.show(min(count * people_import.BATCH, done), found.people)
        self.say(f"{done:,} people are as the file says.")
        return done


def _put(write: Write, batch: Sequence[Person]) -> None:
    """Their accounts are due in the same transaction."""

    def put() -> None:
        with actor.acting_as("command line"):
            changed = write(batch)
            if changed:
                queue.mark(users=changed, trigger=Trigger.PERSON)

    giving_way(put)


def _counted(
    lines: Iterable[Person | Problem], progress: Progress, stopped: Callable[[], bool]
) -> Iterator[Person | Problem]:
    for count, line in enumerate(lines, start=1):
        if not count % people_import.BATCH:
            progress.show(count)
            if stopped():
                return
        yield line


def _people(lines: Iterable[Person | Problem]) -> Iterator[Person]:
    for line in lines:
        if isinstance(line, Problem):
            # It was right a moment ago.
            raise Unusable(line.line, f"The file has changed meanwhile. {line.message}")
        yield line


def _sentences(found: Examined, *, dry: bool) -> list[str]:
    if found.wrong:
        more = found.wrong - len(found.problems)
        others = [f"… and {more:,} lines more."] if more else []
        told = [str(problem) for problem in found.problems]
        return [*told, *others, f"{found.wrong:,} lines are wrong. Nothing was changed."]
    if not found.people:
        return ["Line 2: Nobody is in the file, only the names of the columns."]
    told = [f"{found.new:,} new, {found.changed:,} changed, {found.same:,} as they are here."]
    if found.switched_off:
        told.append(
            f"{found.switched_off:,} of them are switched off and lose access everywhere; too many "
            "at once wait under Holds."
        )
    if found.lost_zeros:
        told.append(
            f"{found.lost_zeros:,} values would only lose zeros at their beginning. Spreadsheets "
            "do that to numbers: make these cells text."
        )
    if not dry:
        return told
    left = found.new + found.changed - len(found.first)
    more_lines = [f"… and {left:,} more."] if left else []
    return [*told, *map(str, found.first), *more_lines, "Nothing was changed."]


def _document(found: Examined, written: int) -> dict[str, Any]:
    return {
        "new": found.new,
        "changed": found.changed,
        "same": found.same,
        "switched_off": found.switched_off,
        "lost_zeros": found.lost_zeros,
        "wrong": found.wrong,
        "problems": [vars(problem) for problem in found.problems],
        "written": written,
    }
