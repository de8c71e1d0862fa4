"""How commands answer: sentences or JSON, a bar or lines, and exact exit statuses."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from tqdm import tqdm

from iam.models import Operator, User
from iam.text import normalise, sought
from provisioning.models import App

Number = TypeVar("Number", int, float)

DONE, FAILED, WRONG_USE, WAITS, DIFFERS = 0, 1, 2, 3, 4
# How often a line is printed where there is no terminal (seconds).
_SAY_EVERY = 5.0
_NAMED = 5
NO_APP = "There is no application yet. Add one under Apps."


class Command(BaseCommand):
    """A command whose `answer` returns its exit status, and which may be asked for JSON."""

    in_json = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="answer in JSON, for programs, not in sentences"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.in_json = options["json"]
        status = self.answer(options)
        if status != DONE:
            sys.exit(status)

    def answer(self, options: dict[str, Any]) -> int:
        raise NotImplementedError

    def confirmed(self) -> bool:
        """Whether whoever sits at the terminal says yes; nobody does where there is none.

        A program that asked for JSON has not read what this is about.
        """
        if self.in_json or not sys.stdin.isatty():
            return False
        try:
            return input("Go on? ").strip().casefold() in {"y", "yes"}
        except EOFError:
            self.stdout.write("")
            return False

    def say(self, *sentences: str) -> None:
        """For people: not with `--json`."""
        if not self.in_json:
            for sentence in sentences:
                self.stdout.write(printable(sentence))

    def give(self, document: Mapping[str, Any]) -> None:
        """For programs: one document on one line, only with `--json`."""
        if self.in_json:
            self.stdout.write(as_json(document))


class Progress:
    """A bar on a terminal, a line now and then elsewhere, and nothing with `--json`."""

    def __init__(self, command: Command, what: str, *, unit: str) -> None:
        self._command = command
        self._unit = unit
        self._said_at = time.monotonic()
        shown = sys.stdout.isatty() and not command.in_json
        self._bar = tqdm(desc=what, file=sys.stdout, disable=not shown, unit=f" {unit}")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, count: int, of: int | None = None) -> None:
        if not self._bar.disable:
            self._bar.total = of
            self._bar.n = count
            self._bar.refresh()
        elif time.monotonic() - self._said_at > _SAY_EVERY:
            self._said_at = time.monotonic()
            total = "" if of is None else f" of {of:,}"
            self._command.say(f"{count:,}{total} {self._unit}")


def rows(text: str) -> int:
    """How many rows to show at most, as typed."""
    return _number(text, "0 to 10000 rows", int, 0, 10_000)


def seconds(text: str) -> float:
    """How long to wait, as typed."""
    return _number(text, "1 to 86400 seconds", float, 1, 86_400)


def name(text: str) -> str:
    """A name, as typed. An empty one is a mistake in a script, and does not mean all."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; give a name, or leave it out")
    return text


def port(text: str) -> int:
    """Where to listen, as typed."""
    return _number(text, "the ports 1 to 65535", int, 1, 65_535)


def _number(
    text: str, allowed: str, kind: Callable[[str], Number], least: int, most: int
) -> Number:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"“{text}” is not among {allowed}")
    return value


def wrong(sentence: str) -> CommandError:
    """The command was given in the wrong way; nothing was done."""
    return CommandError(sentence, returncode=WRONG_USE)


def none_named(kind: str, name: str, rows: QuerySet[Any]) -> CommandError:
    """There is no such row; these are the ones there are."""
    names = ", ".join(f"“{each}”" for each in rows.values_list("name", flat=True))
    return wrong(f"There is no {kind} “{name}”. There is {names or 'none yet'}.")


def app_named(name: str) -> App:
    # Not by the database: SQLite folds ASCII letters only.
    key = normalise(name)
    found = next((app for app in App.objects.all() if normalise(app.name) == key), None)
    if found is None:
        raise none_named("application", name, App.objects.all())
    return found


def apps_asked(name: str | None) -> list[App]:
    """The one that is named, or all."""
    return [app_named(name)] if name else list(App.objects.all())


def person_named(username: str) -> User:
    found = User.objects.filter(username_key=normalise(username)).select_related("manager").first()
    if found is None:
        raise wrong(f"There is nobody with the user name “{username}”.{_alike(username)}")
    return found


def operator_named(name: str, *, rights: Iterable[str]) -> str:
    """Who decides: somebody who may. A decision is always somebody's."""
    found = Operator.objects.filter(username=name, is_active=True).first() if name else None
    if found is None or not found.has_perms(list(rights)):
        raise wrong(
            "A decision is somebody's: give with --by the name of an operator who may decide this."
        )
    return found.get_username()


@contextmanager
def written(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file that has its name only when it is complete; a pipe or a device is just written to."""
    target = path.resolve()
    special = path.exists() and not path.is_file()
    draft = path if special else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("wb") if binary else draft.open("w", encoding="utf-8", newline="") as file:
            yield file
        if not special:
            draft.replace(target)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}.", returncode=FAILED
        ) from error
    finally:
        if not special:
            draft.unlink(missing_ok=True)


def _alike(username: str) -> str:
    if not username.strip():
        return ""
    people = User.objects.filter(username_key__startswith=sought(username))[:_NAMED]
    names = ", ".join(f"“{person.username}”" for person in people)
    return f" Did you mean {names}?" if names else ""


def as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, cls=DjangoJSONEncoder)


def printable(text: str) -> str:
    """A terminal is not to obey what somebody put into a name."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)
