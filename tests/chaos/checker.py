"""Compares what the fault server holds and has seen with what should be. Pure; no engine inside.

What should be is worked out from policies, memberships and people in plain Python. Accounts of one
person are recognised by the stem of the user name: a rename keeps it ("p7-0@…" to "p7-1@…").

duplicates  more than one account for one external id or user name, or two active ones of a person
missing     a person who should have an account has none
wrong       a value differs, someone who should have access is inactive, or the other way round
concurrent  two writes about one account overlapped in time, from the request to the answer
touched     a write to an account that was neither made nor (by then) adopted, or a change in it
unreported  an effect without its row in the report. An effect is a request that changed what the
            application holds. If nothing came between effect and report (honest answer; sender
            not killed, not frozen and its lease not run out around it), it needs the row “done” of
            its own operation with its own correlation id. If something did, nobody could write
            the row at once: then a later row “done” must cover it: one of the same operation (sent
            again, or found by looking), one that has gone beyond it, such as the deactivation of an
            account whose update was in doubt, or the adoption for somebody of the same name, which
            records the account as it was found.
invented    a row “done” whose correlation id no request to that application had, or without a
            request of its operation before it, one for each. For a create the request must have
            had its effect.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

WRITES = {"create", "update", "deactivate", "reactivate", "delete"}
# What a later row may be that accounts for an effect whose own row nobody could write.
_COVERED_BY = {
    "create": {"create", "adopt"},
    "update": {"update", "deactivate", "reactivate", "delete", "adopt"},
    "deactivate": {"deactivate", "reactivate", "delete", "adopt"},
    "reactivate": {"reactivate", "update", "deactivate", "delete", "adopt"},
    "delete": {"delete", "create", "adopt"},
}
_HONEST = {"", "slow"}
# Seconds within which the result of a request is recorded; a kill later than that is none of it.
_RECORDED_WITHIN = 5.0
# And what a process had sent before it died may reach the server after it.
_ON_THE_WAY = 1.0


@dataclass(frozen=True)
class Entry:
    """One request in the journal; `at` is when it had its effect, within `began` and `ended`."""

    app: str
    kind: str
    at: float
    began: float
    ended: float
    status: int = 200
    changed: bool = False
    name: str = ""
    remote_id: str = ""
    external_id: str = ""
    pid: int = 0
    fault: str = ""
    correlation: str = ""


@dataclass(frozen=True)
class Row:
    """One row “done” of the report."""

    app: str
    operation: str
    name: str
    at: float
    correlation: str = ""


@dataclass(frozen=True)
class Wanted:
    """One person who should have an account, and what it should hold (None: nothing)."""

    app: str
    name: str
    values: Mapping[str, Any]


@dataclass
class Run:
    """All that is known after a run."""

    wanted: Sequence[Wanted] = ()
    targets: Mapping[str, Sequence[Document]] = field(default_factory=dict)
    journal: Sequence[Entry] = ()
    rows: Sequence[Row] = ()
    # What was in the targets before the start: never to be touched, or not until adopted.
    strangers: Mapping[str, Document] = field(default_factory=dict)
    adoptable: Mapping[str, Document] = field(default_factory=dict)
    # (process, when it was killed or frozen, or found that its lease had run out)
    blows: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True)
class Violation:
    kind: str
    app: str
    who: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.who} in {self.app}: {self.text}"


def check(run: Run) -> list[Violation]:
    found = [*states(run), *concurrent(run), *touched(run), *unreported(run), *invented(run)]
    return sorted(found, key=lambda violation: (violation.kind, violation.app, violation.who))


def stem(name: str) -> str:
    """The person behind a user name, whatever they were renamed to."""
    numbered = re.match(r"(p\d+)-", name.casefold())
    return numbered[1] if numbered else name.casefold()


def over_removed(
    *, app: str, active_before: int, active_after: int, allowed: int
) -> list[Violation]:
    """Whether a mistake took more accounts away than the guard lets through."""
    gone = active_before - active_after
    if gone <= allowed:
        return []
    text = f"{gone} of {active_before} accounts were removed at once; {allowed} may be."
    return [Violation("over_removed", app, "everyone", text)]


# -------------------------------------------------------------------------- what should be


def desired(
    *,
    people: Iterable[Mapping[str, Any]],
    memberships: Iterable[tuple[int, int]],
    policies: Iterable[tuple[str, int]],
    mappings: Mapping[str, Mapping[str, str]],
) -> list[Wanted]:
    """Who should have what: `memberships` are (person, group), `policies` (app, group) in force."""
    active = {person["id"]: person for person in people if person["is_active"]}
    members: dict[int, set[int]] = defaultdict(set)
    for person, group in memberships:
        if person in active:
            members[group].add(person)
    pairs = {(app, person) for app, group in policies for person in members[group]}
    return [
        Wanted(
            app,
            active[person]["username"],
            {
                target: _source(active[person], source)
                for target, source in mappings.get(app, {}).items()
            },
        )
        for app, person in sorted(pairs)
    ]


def _source(person: Mapping[str, Any], source: str) -> Any:
    if source.startswith("custom."):
        return person["custom"].get(source.removeprefix("custom.")) or None
    return None if person[source] == "" else person[source]


def held(document: Document, target: str) -> Any:
    """What a document holds under a mapped target of the few shapes that the programme maps."""
    if filtered := re.fullmatch(r'(\w+)\[type eq "(\w+)"\]\.(\w+)', target):
        entries = [e for e in document.get(filtered[1]) or [] if e.get("type") == filtered[2]]
        return entries[0].get(filtered[3]) if entries else None
    if target.startswith("urn:"):
        schema, _, name = target.rpartition(":")
        return (document.get(schema) or {}).get(name)
    outer, _, inner = target.partition(".")
    value = document.get(outer)
    return (value or {}).get(inner) if inner else value


# ----------------------------------------------------------------------- target and desired


def states(run: Run) -> list[Violation]:
    """duplicates, missing, wrong."""
    violations = []
    for app, documents in run.targets.items():
        ours = _ours(run, app, documents)
        wanted = {stem(each.name): each for each in run.wanted if each.app == app}
        extra = _doubled(ours)
        violations += [
            Violation(
                "duplicates", app, each["userName"], f"one of several accounts ({each['id']})"
            )
            for each in ours
            if each["id"] in extra
        ]
        by_person = defaultdict(list)
        for each in ours:
            if each["id"] not in extra:
                by_person[stem(each["userName"])].append(each)
        for person, want in wanted.items():
            violations += _should_be(app, want, by_person[person])
        for person in by_person.keys() - wanted.keys():
            violations += _should_not_be(app, by_person[person])
    return violations


def _ours(run: Run, app: str, documents: Sequence[Document]) -> list[Document]:
    """All but the strangers and what was not adopted, except where it ought to have been."""
    names = {each.name.casefold() for each in run.wanted if each.app == app}
    return [
        each
        for each in documents
        if each["id"] not in run.strangers
        and (run.adoptable.get(each["id"]) != each or _name(each) in names)
    ]


def _doubled(documents: Sequence[Document]) -> set[str]:
    """The ids of all but one of those that stand for the same account."""
    extra: set[str] = set()
    # The active one is kept as the real one, as far as there is one.
    ordered = sorted(documents, key=lambda each: not each.get("active"))
    for key in (_external, _name, _active_person):
        seen = set()
        for each in ordered:
            value = key(each)
            if value and value in seen:
                extra.add(each["id"])
            seen.add(value)
    return extra


def _external(document: Document) -> str:
    return str(document.get("externalId") or "")


def _name(document: Document) -> str:
    return str(document["userName"]).casefold()


def _active_person(document: Document) -> str:
    return stem(document["userName"]) if document.get("active") else ""


def _should_be(app: str, want: Wanted, there: Sequence[Document]) -> list[Violation]:
    if not there:
        return [Violation("missing", app, want.name, "has no account")]
    active = [each for each in there if each.get("active")]
    if not active:
        return [Violation("wrong", app, want.name, "is inactive and should not be")]
    return [
        Violation(
            "wrong", app, want.name, f"{target} is {held(active[0], target)!r}, not {value!r}"
        )
        for target, value in want.values.items()
        if held(active[0], target) != value
    ]


def _should_not_be(app: str, there: Sequence[Document]) -> list[Violation]:
    return [
        Violation("wrong", app, each["userName"], "is active and should not be")
        for each in there
        if each.get("active")
    ]


# ------------------------------------------------------------------------------ the journal


def concurrent(run: Run) -> list[Violation]:
    """Writes about one account that overlapped. Reading harms nothing and needs no lease."""
    by_account = defaultdict(list)
    for entry in run.journal:
        if entry.kind in WRITES:
            by_account[entry.app, _account(entry)].append(entry)
    violations = []
    for (app, account), entries in by_account.items():
        entries.sort(key=lambda entry: entry.began)
        for one, next_one in zip(entries, entries[1:], strict=False):
            if next_one.began < one.ended:
                both = one.ended - next_one.began
                text = f"{one.kind} and {next_one.kind} overlapped by {both:.3f} s"
                violations.append(Violation("concurrent", app, one.name or account, text))
    return violations


def _account(entry: Entry) -> str:
    if entry.kind == "create":
        return entry.external_id or entry.name
    return entry.remote_id


def touched(run: Run) -> list[Violation]:
    violations = []
    adopted: dict[tuple[str, str], float] = {}
    for row in run.rows:
        if row.operation in {"adopt", "create"}:
            key = (row.app, stem(row.name))
            adopted[key] = min(row.at, adopted.get(key, row.at))
    for entry in _named(run):
        if entry.kind == "create":
            continue
        if entry.remote_id in run.strangers:
            text = f"was met by a request to {entry.kind} it"
            violations.append(Violation("touched_strangers", entry.app, entry.name, text))
        elif entry.remote_id in run.adoptable:
            since = adopted.get((entry.app, stem(entry.name)))
            if since is None or since > entry.at:
                text = f"was met by a request to {entry.kind} it before it was adopted"
                violations.append(Violation("touched_strangers", entry.app, entry.name, text))
    there = {each["id"]: each for documents in run.targets.values() for each in documents}
    violations += [
        Violation("touched_strangers", "the target", each["userName"], "is not as it was")
        for key, each in run.strangers.items()
        if there.get(key) != each
    ]
    return violations


def unreported(run: Run) -> list[Violation]:
    violations = []
    blows = defaultdict(list)
    for pid, at in run.blows:
        blows[pid].append(at)
    rows = _by_person(run.rows, lambda row: row.name)
    for person, entries in _by_person(_named(run), lambda entry: entry.name).items():
        later = rows.get(person, [])
        for effect in (entry for entry in entries if entry.changed):
            covers = _covers if _disturbed(effect, blows[effect.pid]) else _tells
            if not any(covers(row, effect) for row in later):
                text = f"{effect.kind} at {effect.at:.3f} ({effect.fault or 'no fault'}) has no row"
                violations.append(Violation("unreported", effect.app, effect.name, text))
    return violations


def _tells(row: Row, effect: Entry) -> bool:
    return (row.operation, row.correlation) == (effect.kind, effect.correlation)


def _covers(row: Row, effect: Entry) -> bool:
    return row.at >= effect.at and row.operation in _COVERED_BY[effect.kind]


def _disturbed(entry: Entry, blows: Iterable[float]) -> bool:
    if entry.fault not in _HONEST:
        return True
    first, last = entry.began - _ON_THE_WAY, entry.at + _RECORDED_WITHIN
    return any(first <= blow <= last for blow in blows)


def invented(run: Run) -> list[Violation]:
    violations = []
    requests = _by_person(_named(run), lambda entry: entry.name)
    known = {(entry.app, entry.correlation) for entry in run.journal}
    for (app, person), rows in _by_person(run.rows, lambda row: row.name).items():
        violations += [
            Violation("invented", app, person, f"{row.operation} at {row.at:.3f} had no request")
            for row in rows
            if (app, row.correlation) not in known
        ]
        for operation in WRITES:
            asked = sorted(
                entry.at
                for entry in requests.get((app, person), [])
                if entry.kind == operation and _may_have_worked(entry)
            )
            told = sorted(row.at for row in rows if row.operation == operation)
            if any(bisect_left(asked, at) < number for number, at in enumerate(told, start=1)):
                text = f"{operation} is reported {len(told)} times, but was not done so often"
                violations.append(Violation("invented", app, person, text))
    return violations


def _may_have_worked(entry: Entry) -> bool:
    if entry.kind == "create":
        return entry.changed
    return 200 <= entry.status < 300 or entry.status == 404


def _named(run: Run) -> list[Entry]:
    """The writes, each with a name: a request about what is not there any more had none."""
    names = {entry.remote_id: entry.name for entry in run.journal if entry.name}
    return [
        Entry(**{**vars(entry), "name": entry.name or names.get(entry.remote_id, "")})
        for entry in run.journal
        if entry.kind in WRITES
    ]


def _by_person(items: Iterable[Any], name: Any) -> dict[tuple[str, str], list[Any]]:
    found = defaultdict(list)
    for item in items:
        found[item.app, stem(name(item))].append(item)
    return found


def counted(violations: Iterable[Violation]) -> Counter[str]:
    return Counter(violation.kind for violation in violations)
