"""manage.py certificate: what became of a person's access, application by application."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from provisioning import wording
from provisioning.management import answering
from provisioning.management.answering import DONE, WAITS
from reports import certificate
from reports.certificate import Certificate
from reports.standing import Line

_BY = "command line"


class Command(answering.Command):
    help = (
        "Say for a person, also one who was deleted here, what was removed in every application, "
        "when, whether it was verified, and what is left to do. Ends with 0 if nothing of their "
        "access is left, with 3 if something is, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("person", help="the person's user name")

    def answer(self, options: dict[str, Any]) -> int:
        found = _certificate(options["person"])
        self.give(asdict(found))
        self.say(*_sentences(found))
        return DONE if found.complete else WAITS


def _certificate(person: str) -> Certificate:
    try:
        return certificate.of_person(answering.person_named(person), by=_BY)
    except CommandError:
        deleted = certificate.of_deleted(person, by=_BY)
        if deleted is None:
            raise
        return deleted


def _sentences(found: Certificate) -> Iterator[str]:
    yield found.verdict
    yield f"Made {wording.moment(found.made_at)} by {found.made_by}."
    if found.started is not None:
        started = found.started
        yield f"Removed everywhere {wording.moment(started.at)} by {started.by}: {started.reason}"
        yield started.undoing
    for line in found.lines:
        yield from _told(line)


def _told(line: Line) -> Iterator[str]:
    when = f" {wording.moment(line.at)}" if line.at else ""
    by = f", set off by {line.by}" if line.by else ""
    yield f"{line.app_name}: {line.label}. {line.what}{when}{by}."
    for sentence in filter(None, [line.why, line.to_do]):
        yield f"  {sentence}"
    for group in line.groups:
        yield f"  {group.sentence}"
