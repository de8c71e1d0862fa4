"""Compares people from a file with those that are here, and writes what differs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from iam import batches
from iam.models import Source, User
from iam.people_file import Person
from iam.people_lines import Problem
from iam.text import normalise

BATCH = 500
_FIRST = 20
_PROBLEMS = 100
Value = str | bool


@dataclass(frozen=True)
class Change:
    """What a line would change: nothing, some attributes (old and new), or it adds a person."""

    person: Person
    user: User | None
    values: dict[str, tuple[Value, Value]]
    # The manager may be a person of a later line.
    manager: bool = False

    @property
    def kind(self) -> str:
        if self.user is None:
            return "new"
        return "changed" if self.values or self.manager else "same"

    def __str__(self) -> str:
        told = [f"{name} from “{old}” to “{new}”" for name, (old, new) in self.values.items()]
        told += [f"manager to “{self.person.manager}”"] if self.manager else []
        what = "new" if self.user is None else "; ".join(told)
        return f"Line {self.person.line}, {self.person.username}: {what}"


@dataclass
class Examined:
    """What a whole file would do, and what is wrong with it."""

    new: int = 0
    changed: int = 0
    same: int = 0
    switched_off: int = 0
    # How many values would lose nothing but zeros at their beginning.
    lost_zeros: int = 0
    wrong: int = 0
    first: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def people(self) -> int:
        return self.new + self.changed + self.same

    def count(self, change: Change) -> None:
        setattr(self, change.kind, getattr(self, change.kind) + 1)
        self.switched_off += change.values.get("is_active", (False, True)) == (True, False)
        self.lost_zeros += sum(_lost_zeros(old, new) for old, new in change.values.values())
        if change.kind != "same" and len(self.first) < _FIRST:
            self.first.append(change)

    def refuse(self, problem: Problem) -> None:
        self.wrong += 1
        if len(self.problems) < _PROBLEMS:
            self.problems.append(problem)


def _lost_zeros(old: Value, new: Value) -> bool:
    """Whether a spreadsheet seems to have taken it for a number."""
    return isinstance(old, str) and old != new and bool(new) and old.lstrip("0") == new


def examine(lines: Iterable[Person | Problem]) -> Examined:
    """Look at everything, write nothing."""
    found = Examined()
    seen: dict[str, int] = {}
    managers: dict[str, int] = {}
    for batch in batches.of(lines, BATCH):
        people = []
        for line in batch:
            if isinstance(line, Problem):
                found.refuse(line)
            elif line.key in seen:
                also = f"The same person is in line {seen[line.key]}."
                found.refuse(Problem(line.line, also, "username"))
            else:
                seen[line.key] = line.line
                people.append(line)
                if line.manager:
                    managers.setdefault(normalise(line.manager), line.line)
        for change in compare(people):
            found.count(change)
    for key, number in _unknown(managers, seen):
        found.refuse(Problem(number, f"There is nobody with the user name “{key}”.", "manager"))
    return found


def _unknown(managers: dict[str, int], seen: dict[str, int]) -> Iterator[tuple[str, int]]:
    missing = [key for key in managers if key not in seen]
    for keys in batches.of(missing, BATCH):
        there = set(
            User.objects.filter(username_key__in=keys).values_list("username_key", flat=True)
        )
        yield from ((key, managers[key]) for key in keys if key not in there)


def compare(people: Sequence[Person], *, locking: bool = False) -> list[Change]:
    """Each with what is known of the person; with `locking`, nobody else writes them meanwhile."""
    rows = User.objects.filter(username_key__in=[person.key for person in people])
    rows = rows.select_related("manager").order_by("pk")
    if locking:
        rows = rows.select_for_update(of=("self",))
    known = {user.username_key: user for user in rows}
    return [_change(person, known.get(person.key)) for person in people]


def _change(person: Person, user: User | None) -> Change:
    if user is None:
        return Change(person, None, {})
    values = {
        name: (getattr(user, name), value)
        for name, value in person.values.items()
        if getattr(user, name) != value
    }
    for key, text in person.custom.items():
        if user.custom.get(key, "") != text:
            values[f"custom.{key}"] = (user.custom.get(key, ""), text)
    manager = user.manager.username_key if user.manager else ""
    other = person.manager is not None and normalise(person.manager) != manager
    return Change(person, user, values, manager=other)


def write(people: Sequence[Person]) -> list[int]:
    """Add and change these people, all but their managers; the keys of those that were changed.

    For a transaction of the caller. Once more it changes nothing.
    """
    changes = compare(people, locking=True)
    User.objects.bulk_create(_new(change.person) for change in changes if change.user is None)
    changed = [change for change in changes if change.user is not None and change.values]
    names = {name.partition(".")[0] for change in changed for name in change.values}
    users = [_changed(change) for change in changed]
    if users:
        User.objects.bulk_update(users, sorted(names))
    return [user.pk for user in users]


def write_managers(people: Sequence[Person]) -> list[int]:
    """The same for who reports to whom, once everybody is there."""
    told = [person for person in people if person.manager is not None]
    keys = {normalise(person.manager or "") for person in told}
    bosses = {user.username_key: user for user in User.objects.filter(username_key__in=keys)}
    users = []
    for change in compare(told, locking=True):
        if change.user is not None and change.manager:
            change.user.manager = bosses.get(normalise(change.person.manager or ""))
            users.append(change.user)
    if users:
        User.objects.bulk_update(users, ["manager"])
    return [user.pk for user in users]


def _new(person: Person) -> User:
    custom = {key: text for key, text in person.custom.items() if text}
    return User(username=person.username, source=Source.IMPORT, custom=custom, **person.values)


def _changed(change: Change) -> User:
    user = change.user
    assert user is not None  # noqa: S101 - for the type checker
    for name, (_, new) in change.values.items():
        if name.startswith("custom."):
            user.custom[name.removeprefix("custom.")] = new
        else:
            setattr(user, name, new)
    user.custom = {key: text for key, text in user.custom.items() if text}
    return user
