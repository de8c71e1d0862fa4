"""Gives each account its own value where a formula says unique(), and remembers whose it is.

The table of taken values decides: its constraint lets one account have a value, in whichever batch
and worker it is given. A value stays with its account also after that has got another one.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.db import models, transaction

from iam import batches, text
from iam.models import User
from provisioning import mapping, transactions
from provisioning.errors import Rejected
from provisioning.mapping import MOST_NUMBERS, Person
from provisioning.models import Account, App, TakenValue
from provisioning.models import Mapping as Row
from provisioning.outcomes import Job
from provisioning.plan import Operation, Value

_LONGEST_KEY = 400
# How many values are tried at once; twice as many each time.
_FIRST_TRY = 4
_BATCH = 1_000
_DIGITS = re.compile(r"\d{1,4}")


def numbered(
    rows: Sequence[Row],
    people: Mapping[int, Person],
    accounts: Mapping[int, int | None],
    *,
    app: App,
    take: bool,
) -> dict[int, Person]:
    """The people, with the number of the value that is theirs for each such row.

    `accounts` has the key of the account, if there is one, of each person by the person's key.
    Without `take` nothing is written: for a preview, and of people who have no account.
    """
    unique = [row for row in rows if mapping.is_unique(row)]
    found = dict(people)
    for row in unique:
        given = _Row(row, app, found, accounts, take=take).given()
        for key, number in given.items():
            numbers = {**found[key].numbers, row.target: number}
            found[key] = replace(found[key], numbers=numbers)
    return found


def known(
    rows: Sequence[Row], accounts: Mapping[User, int | None], *, app: App
) -> dict[int, Person]:
    """People with what the rows ask about them, by their keys; `accounts` has those of accounts.

    For a preview: where a formula gives each account a value of its own, none is taken for this.
    """
    people = mapping.people(rows, list(accounts), app=app)
    theirs = {user.pk: account for user, account in accounts.items()}
    return numbered(rows, people, theirs, app=app, take=False)


def let_go(job: Job, rows: Iterable[Row]) -> bool:
    """Somebody has the value in the application itself; whether there is another to be tried.

    From now on it is nobody's here.
    """
    sent = set(job.desired)
    if job.action.operation is Operation.UPDATE:
        sent = {change.path for change in job.action.changes}
    lost = 0
    for row in rows:
        value = job.desired.get(row.target)
        if row.target in sent and value is not None and mapping.is_unique(row):
            ours = TakenValue.objects.filter(account=job.account, target=row.target)
            lost += ours.filter(key=_key(value)).update(account=None)
    return bool(lost)


@dataclass
class _Row:
    """One row of the mapping, for the people of one batch."""

    row: Row
    app: App
    people: Mapping[int, Person]
    accounts: Mapping[int, int | None]
    take: bool
    # What is known to be somebody's: its key to the account.
    taken: dict[str, int | None] = field(default_factory=dict)

    def given(self) -> dict[int, int]:
        """The number of each person's value."""
        self._begin()
        own = self._own()
        found = {key: self._kept(key, own.get(self.accounts[key], ())) for key in self.accounts}
        waiting = [key for key, number in found.items() if number is None]
        first, many = 1, _FIRST_TRY
        while waiting and first <= MOST_NUMBERS:
            numbers = range(first, min(first + many, MOST_NUMBERS + 1))
            chosen = self._choose(waiting, numbers)
            found |= chosen
            waiting = [key for key in waiting if key not in chosen]
            first, many = numbers.stop, many * 2
        # One more than there are: `mapping.value` says so.
        return {key: number or MOST_NUMBERS + 1 for key, number in found.items()}

    def _begin(self) -> None:
        """Where no value has been given yet, those are taken that accounts hold already."""
        if self._stored().exists():
            return
        held = list(_held(self.app, self.row.target))
        if not self.take:
            self.taken = {key: account for account, key in held}
            return
        with transaction.atomic():
            for batch in batches.of(held, _BATCH):
                self._write(batch)

    def _own(self) -> dict[int | None, set[str]]:
        """The keys of what the accounts of this batch have had, by account."""
        accounts = [account for account in self.accounts.values() if account is not None]
        stored = self._stored().filter(account__in=accounts).values_list("account", "key")
        own: dict[int | None, set[str]] = {}
        for account, key in [*stored, *((account, key) for key, account in self.taken.items())]:
            if account is not None:
                own.setdefault(account, set()).add(key)
        return own

    def _kept(self, key: int, own: Iterable[str]) -> int | None:
        """The number of the value that the account has had, if the formula still gives it."""
        held = set(own)
        if not held:
            return None
        numbers = {int(each) for text in held for each in _DIGITS.findall(text)}
        for number in [1, *sorted(numbers - {0, 1})]:
            value = self._value(key, number)
            if value is None or _key(value) in held:
                return number
        return None

    def _choose(self, waiting: Sequence[int], numbers: range) -> dict[int, int]:
        """The lowest number with which the value is free, for those who have one in this range."""
        tried = {key: dict(self._values(key, numbers)) for key in waiting}
        chosen: dict[int, int] = {key: 1 for key, values in tried.items() if not values}
        open_ = [key for key in waiting if key not in chosen]
        self._look_up({each for key in open_ for each in tried[key].values()})
        while open_:
            picked: dict[int, str] = {}
            for key in open_:
                free = (n for n, each in tried[key].items() if each not in self.taken)
                number = next(free, None)
                if number is not None:
                    chosen[key], picked[key] = number, tried[key][number]
                    self.taken[picked[key]] = self.accounts[key]
            open_ = self._take(picked)
            for key in open_:
                del chosen[key]
        return chosen

    def _take(self, picked: Mapping[int, str]) -> list[int]:
        """Write down whose these are; those remain that somebody else got a moment before."""
        if not self.take or not picked:
            return []
        rows = [(self.accounts[key], each) for key, each in picked.items()]
        transactions.giving_way(lambda: self._write(rows))
        self._look_up(set(picked.values()))
        return [key for key, each in picked.items() if self.taken[each] != self.accounts[key]]

    def _look_up(self, keys: set[str]) -> None:
        for batch in batches.of(sorted(keys), _BATCH):
            found = self._stored().filter(key__in=batch)
            self.taken |= dict(found.values_list("key", "account"))

    def _values(self, key: int, numbers: range) -> Iterator[tuple[int, str]]:
        """Number to the key of the value; nothing where the formula gives none."""
        for number in numbers:
            value = self._value(key, number)
            if value is None:
                return
            yield number, _key(value)

    def _value(self, key: int, number: int) -> Value | None:
        person = replace(self.people[key], numbers={self.row.target: number})
        try:
            return mapping.value(self.row, person, app=self.app.name)
        except Rejected:
            # It is told where the account is worked on.
            return None

    def _stored(self) -> "models.QuerySet[TakenValue]":
        return TakenValue.objects.filter(app=self.app, target=self.row.target)

    def _write(self, rows: Iterable[tuple[int | None, str]]) -> None:
        TakenValue.objects.bulk_create(
            [
                TakenValue(app=self.app, target=self.row.target, account_id=account, key=key)
                for account, key in rows
            ],
            ignore_conflicts=True,
        )


def _held(app: App, target: str) -> Iterator[tuple[int, str]]:
    """What the accounts of the app hold there, with whose it is."""
    accounts = Account.objects.filter(app=app, remote_id__isnull=False).order_by("pk")
    for account, applied in accounts.values_list("pk", "applied").iterator(_BATCH):
        if applied.get(target) is not None:
            yield account, _key(applied[target])


def _key(value: Value) -> str:
    """The form in which two values are the same: as for user names here."""
    key = text.normalise(str(value))
    return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
