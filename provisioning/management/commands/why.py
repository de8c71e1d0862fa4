"""manage.py why: why a person has an account in an application, or has none."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from iam.models import User
from iam.text import normalise
from provisioning import past, wording
from provisioning.management import answering
from provisioning.management.answering import DONE
from provisioning.models import Account, App
from provisioning.why import Line, Why, why

_Asked = tuple[App, User | None, Account | None]


class Command(answering.Command):
    help = (
        "Say why a person has an account in an application, or has none: through which groups and "
        "policies, with which values, what is known of the account, and what comes next. With --at "
        "the same of a moment in the past, from what was recorded. Ends with 0 if the question was "
        "answered, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("person", help="the person's user name")
        parser.add_argument(
            "app", nargs="?", type=answering.name, help="the application's name; without it, all"
        )
        parser.add_argument(
            "--at", metavar="TIME", help="2026-11-01T10:00, or a day: how it was then, not now"
        )

    def answer(self, options: dict[str, Any]) -> int:
        apps = answering.apps_asked(options["app"])
        if not apps:
            self.say(answering.NO_APP)
        asked = _asked(options["person"], apps)
        if options["at"]:
            self._then(asked, options["at"])
            return DONE
        for found in (why(app, user=user, account=account) for app, user, account in asked):
            self.give(_document(found))
            self.say(*_sentences(found), "")
        return DONE

    def _then(self, asked: list[_Asked], at: str) -> None:
        try:
            moment = past.read(at)
            answers = [
                past.why_at(app, moment, user=user, account=account) for app, user, account in asked
            ]
        except ValueError as error:
            raise answering.wrong(f"--at: {error}") from error
        for found in answers:
            self.give(_document_then(found))
            self.say(*_sentences_then(found), "")


def _asked(person: str, apps: list[App]) -> list[_Asked]:
    try:
        user = answering.person_named(person)
    except CommandError:
        # Of a deleted person the accounts are left.
        left = Account.objects.filter(identifier_key=normalise(person), user=None, app__in=apps)
        if not left:
            raise
        return [(each.app, None, each) for each in left.select_related("app")]
    return [(app, user, None) for app in apps]


def _sentences(found: Why) -> list[str]:
    has = "should have" if found.wanted else "should not have"
    return [
        f"{found.person} {has} an account in {found.app}.",
        *(f"  {reason}" for reason in found.reasons),
        *(["What it holds:"] if found.values else []),
        *(f"  {_line(line)}" for line in found.values),
        "What is known:",
        *(f"  {sentence}" for sentence in found.recorded),
        "What comes next:",
        *(f"  {sentence}" for sentence in found.next),
    ]


def _sentences_then(found: past.Then) -> list[str]:
    return [
        f"{found.person} in {found.app}, {wording.moment(found.moment)}:",
        *(f"  {sentence}" for sentence in (*found.state, *found.reasons)),
        *(["What it was to hold:"] if found.values else []),
        *(f"  {target} = {_told(value)}" for target, value in found.values.items()),
        *(["What had been done:"] if found.done else []),
        *(f"  {wording.moment(event.at)}: {event.message}" for event in found.done),
    ]


def _document_then(found: past.Then) -> dict[str, Any]:
    return {
        "person": found.person,
        "app": found.app.name,
        "at": found.moment,
        "state": list(found.state),
        "reasons": list(found.reasons),
        "values": dict(found.values),
        "events": [event.pk for event in found.done],
    }


def _line(line: Line) -> str:
    if line.problem:
        return f"{line.target}: {line.problem}"
    sent = "" if line.sent == line.value else f" (sent last: {_told(line.sent)})"
    return f"{line.target} = {_told(line.value)}, from {line.source}{sent}"


def _told(value: Any) -> str:
    return "nothing" if value is None else wording.in_a_table(value)


def _document(found: Why) -> dict[str, Any]:
    account = found.account
    return {
        "person": found.person,
        "app": found.app.name,
        "wanted": found.wanted,
        "ways": [
            {
                "policy": way.policy.name,
                "enabled": way.policy.enabled,
                "groups": list(way.through),
            }
            for way in found.ways
        ],
        "reasons": list(found.reasons),
        "values": [vars(line) for line in found.values],
        "account": None
        if account is None
        else {
            "state": account.state,
            "remote_id": account.remote_id,
            "problem": account.problem,
            "due_at": account.due_at,
            "checked_at": account.checked_at,
        },
        "recorded": list(found.recorded),
        "next": list(found.next),
    }
