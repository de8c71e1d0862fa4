"""manage.py report: the provisioning report as sentences, CSV, a workbook or JSON lines."""

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandParser
from django.utils import timezone

from iam import moments
from iam.text import counted
from provisioning.effects import Effect
from provisioning.management import answering
from provisioning.management.answering import DONE
from provisioning.models import OPERATION_LABELS, Event, Outcome, Trigger
from reports import exports, saved_searches
from reports.filters import TIMESPANS, ReportFilter

_SHOWN = 50
_FILTERS = {
    "person": "identifier",
    "last": "timespan",
    "from": "after",
    "to": "before",
    "operation": "operation",
    "outcome": "outcome",
    "effect": "effect",
    "trigger": "trigger",
    "by": "actor",
}


class Command(answering.Command):
    help = (
        "What was done, newest first, by the same filters as the provisioning report. As sentences "
        "the newest 50, as --csv, --xlsx or --json everything, in a stream. Ends with 0, with 1 if "
        "the file could not be written, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--csv", action="store_true", help="a table for spreadsheets")
        parser.add_argument("--xlsx", action="store_true", help="an Excel workbook, with --output")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write it to this file")
        parser.add_argument("--rows", type=int, help="at most so many")
        parser.add_argument(
            "--search", type=answering.name, metavar="NAME", help="by the filters of a saved search"
        )
        parser.add_argument(
            "--of", type=answering.name, metavar="OPERATOR", help="whose saved search it is"
        )
        parser.add_argument("--person", type=answering.name, help="the beginning of the user name")
        parser.add_argument("--exactly", action="store_true", help="--person is the whole name")
        parser.add_argument(
            "--contains", action="store_true", help="--person is any part of the name (PostgreSQL)"
        )
        parser.add_argument("--app", type=answering.name, help="the application's name")
        parser.add_argument("--last", choices=TIMESPANS, help="only of this timespan until now")
        parser.add_argument("--from", metavar="TIME", help="2026-11-25 or 2026-11-25T08:00")
        parser.add_argument("--to", metavar="TIME", help="the same; a day is meant with its end")
        parser.add_argument("--time-zone", metavar="ZONE", help="for all times: Europe/Paris")
        operations = [operation.value for operation in OPERATION_LABELS]
        parser.add_argument("--operation", choices=operations, help="what was done")
        parser.add_argument("--outcome", choices=Outcome.values, help="what came of it")
        effects = [effect.value for effect in Effect]
        parser.add_argument("--effect", choices=effects, help="what was seen of it")
        parser.add_argument("--trigger", choices=Trigger.values, help="because of what")
        parser.add_argument(
            "--by", type=answering.name, metavar="OPERATOR", help="whose doing it was"
        )

    def answer(self, options: dict[str, Any]) -> int:
        if sum(options[kind] for kind in ("csv", "xlsx", "json")) > 1:
            raise answering.wrong("Choose one of --csv, --xlsx and --json.")
        if options["xlsx"] and not options["output"]:
            raise answering.wrong("A workbook is no text: say with --output where it is to be.")
        with timezone.override(_zone(options["time_zone"])):
            found = exports.stream(_found(options).qs)
            self._write(found, options)
        return DONE

    def _write(self, found: Iterator[Event], options: dict[str, Any]) -> None:
        all_ = options["csv"] or options["json"] or options["output"]
        rows = options["rows"] if options["rows"] is not None else None if all_ else _SHOWN
        if rows is not None and rows < 1:
            raise answering.wrong("--rows is at least 1.")
        events = islice(found, rows)
        if options["output"]:
            self._write_file(events, options["output"], options)
            return
        taken = _Counted(events)
        for part in _parts(taken, options):
            self.stdout.write(part)
        if not taken.count and not all_:
            self.say("Nothing was done that fits.")

    def _write_file(self, events: Iterable[Event], path: Path, options: dict[str, Any]) -> None:
        with (
            answering.written(path, binary=options["xlsx"]) as file,
            answering.Progress(self, "Report", unit="rows") as progress,
        ):
            taken = _Counted(events, told=progress.show)
            for part in _parts(taken, options):
                file.write(part)
        # Not even with --json: the file is the answer.
        rows_are = counted(taken.count, "row is", "rows are")
        sys.stderr.write(f"{rows_are} in {path}.\n")


class _Counted:
    """Events, and how many of them were taken; `told` hears of every thousandth."""

    def __init__(
        self, events: Iterable[Event], *, told: Callable[[int], object] = lambda _: None
    ) -> None:
        self._events = events
        self._told = told
        self.count = 0

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self.count += 1
            if not self.count % 1_000:
                self._told(self.count)
            yield event


def _parts(events: Iterable[Event], options: dict[str, Any]) -> Iterator[Any]:
    """What is to be written: bytes of a workbook, or lines of text."""
    if options["xlsx"]:
        return exports.as_workbook(events)
    if options["csv"]:
        return exports.as_csv(events)
    if options["json"]:
        return (answering.as_json(exports.values(event)) + "\n" for event in events)
    return (answering.printable(_sentence(event)) + "\n" for event in events)


def _found(options: dict[str, Any]) -> ReportFilter:
    """The report by the filters that were given, and those of a saved search."""
    asked = _saved(options["search"], options["of"] or "") if options["search"] else {}
    asked |= {name: options[key] for key, name in _FILTERS.items() if options[key]}
    if options["app"]:
        asked["app"] = str(answering.app_named(options["app"]).pk)
    if options["exactly"] and options["contains"]:
        raise answering.wrong("Choose either --exactly or --contains.")
    if options["exactly"] or options["contains"]:
        if not asked.get("identifier"):
            raise answering.wrong("--exactly and --contains are about --person: give one.")
        asked["match"] = "exact" if options["exactly"] else "contains"
    if end := moments.end_of_day(asked.get("before", "")):
        asked["before"] = end.isoformat()
    report = ReportFilter(asked, queryset=Event.objects.all())
    if not report.form.is_valid():
        names = {name: f"--{key}" for key, name in _FILTERS.items()} | {
            "match": "--contains",
            "app": "--app",
            "__all__": "The filters",
        }
        field, errors = next(iter(report.form.errors.items()))
        raise answering.wrong(f"{names.get(field, field)}: {errors[0]}")
    return report


def _saved(name: str, owner: str) -> dict[str, Any]:
    """The filters of the saved search that is meant."""
    found = list(saved_searches.named(name, owner=owner))
    if not found:
        raise answering.wrong(f"There is no saved search “{name}”{owner and f' of {owner}'}.")
    if len(found) > 1:
        owners = ", ".join(sorted(search.owner.username for search in found))
        raise answering.wrong(f"Several have a saved search “{name}”. Say --of one of: {owners}.")
    return saved_searches.filters(found[0])


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError) as error:
        raise answering.wrong(f"There is no time zone “{name}”. Write Europe/Paris.") from error


def _sentence(event: Event) -> str:
    when = timezone.localtime(event.at).strftime("%Y-%m-%d %H:%M:%S %Z")
    effect = f", {event.get_effect_display().lower()}" if event.effect else ""
    by = f" by {event.actor}" if event.actor else ""
    return (
        f"{when}  {event.identifier} in {event.app_name}: {event.get_operation_display()}: "
        f"{event.get_outcome_display().lower()}{effect}. {event.message} "
        f"({event.get_trigger_display()}{by})"
    )
