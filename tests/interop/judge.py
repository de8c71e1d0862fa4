"""Judges one step: what should be there, what is there, and what the product says of it. Pure.

A difference that the product names is a warning. One that it is silent about fails the step, as do
a touched stranger, a second account, somebody else's account, and requests without end.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.interop.plain import Held, HeldGroup
from tests.interop.world import PERSONAL, SHORT, Person, World

_LONGEST_SENTENCE = 1_000
# What no administrator should have to read.
_UNREADABLE = ("Traceback", "<html", "<!DOCTYPE", " None", "Exception", "Gatehouse itself failed")

# Beside the mapped targets.
ACTIVE, THERE, MEMBERS = "active", "there", "members"


class Mark(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Sentence:
    """What the product says, and of whom; of nobody where it is about the service as a whole."""

    who: str
    text: str


@dataclass
class Said:
    """Everything the product says after a step.

    `sentences` are new with this step, `standing` are those on the accounts' pages, new or not.
    `named` are the differences that it names, as (person, target); `records` is what it believes
    each account to hold, by person and target.
    """

    sentences: Sequence[Sentence] = ()
    standing: Sequence[Sentence] = ()
    named: Collection[tuple[str, str]] = ()
    records: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    remote_ids: Mapping[str, str] = field(default_factory=dict)
    # Accounts that wait for something without a reason being given.
    unexplained: Collection[str] = ()


@dataclass(frozen=True)
class Difference:
    who: str
    path: str
    expected: str
    there: str

    @property
    def short(self) -> str:
        return SHORT.get(self.path, self.path)


@dataclass
class Verdict:
    mark: Mark
    # In a few words, for the matrix, and everything that was found, for below it.
    reason: str = ""
    details: list[str] = field(default_factory=list)


def judge(
    world: World,
    there: Mapping[str, Held],
    groups: Mapping[str, HeldGroup],
    said: Said,
    *,
    touched: Collection[str],
    requests: int,
    most: int,
    known: set[Difference],
) -> Verdict:
    """`touched` are those whom the step was about; nobody else's account may have changed.

    `known` are the differences that an earlier step has told of; it becomes those of this one.
    """
    faults = [
        *wrong_accounts(world, there),
        *wrong_groups(world, groups),
        *_wrong_links(world, said),
    ]
    if requests > most:
        faults.append(f"{requests} requests, and {most} would have been plenty")
    faults += [f"{who}: waits, and nothing says why" for who in said.unexplained]
    texts = {each.text for each in (*said.sentences, *said.standing)}
    faults += [f"unreadable: “{text}”" for text in sorted(texts) if not _readable(text)]
    found = [*differences(world, there), *group_differences(world, there, groups)]
    faults += [_silent(each) for each in found if not _told(each, said)]
    faults += [_strange(each) for each in found if _of_another(world, each)]
    news = [each for each in found if each not in known]
    faults += [_strange(each) for each in news if each.who not in touched]
    left = [each for each in _left_behind(there, groups) if each not in known]
    known.clear()
    known.update(found, _left_behind(there, groups))
    if faults:
        return Verdict(Mark.FAIL, faults[0], faults)
    reasons = [
        *_reasons(news, said.sentences),
        *(f"the id of a deleted account stays in the {each.who}" for each in left),
    ]
    if reasons:
        return Verdict(Mark.WARNING, "; ".join(reasons), _details(news, said))
    return Verdict(Mark.OK)


def wrong_accounts(world: World, there: Mapping[str, Held]) -> list[str]:
    """Strangers that are not as they were, and accounts that are nobody's or somebody's twice."""
    faults = [
        f"the account “{document['userName']}” is somebody else's and was touched"
        for key, document in world.strangers.items()
        if key not in there or there[key].document != document
    ]
    owners = {person.username.casefold(): person for person in world}
    bound = {person.remote_id: person for person in world if person.remote_id}
    seen: dict[str, str] = {}
    for key, held in there.items():
        if key in world.strangers:
            continue
        owner = bound.get(key) or owners.get(held.username.casefold())
        if owner is None:
            faults.append(f"“{held.username}” is nobody's account")
        elif owner.key in seen:
            faults.append(f"{owner.key}: has two accounts")
        elif held.username.casefold() in owners and owners[held.username.casefold()] != owner:
            faults.append(f"{owner.key}: has the account of “{held.username}”")
        else:
            seen[owner.key] = key
    return faults


def wrong_groups(world: World, groups: Mapping[str, HeldGroup]) -> list[str]:
    faults = [
        f"the group “{held.name}” is somebody else's and was touched"
        for key, held in world.strange_groups.items()
        if groups.get(key) != held
    ]
    ours = {team.remote_id for team in world.teams.values()}
    for key, held in groups.items():
        if key not in ours and key not in world.strange_groups:
            faults.append(f"“{held.name}” is a group too many")
        if len(set(held.members)) < len(held.members):
            faults.append(f"somebody is twice in the group “{held.name}”")
    return faults


def bind(
    world: World, there: Mapping[str, Held], groups: Mapping[str, HeldGroup] | None = None
) -> None:
    """Remember which account and which group is whose, from the first time that it is seen."""
    for team in world.teams.values():
        for key, group in (groups or {}).items():
            ours = group.name == team.name and key not in world.strange_groups
            if ours and team.there and not team.remote_id:
                team.remote_id = key
    for person in world:
        if person.remote_id not in there and not person.there:
            person.remote_id = ""
        for key, held in there.items():
            mine = held.username.casefold() == person.username.casefold()
            if mine and key not in world.strangers and not person.remote_id:
                person.remote_id = key


def _wrong_links(world: World, said: Said) -> list[str]:
    return [
        f"{who}: Gatehouse takes “{remote_id}” for the account, which is another one"
        for who, remote_id in said.remote_ids.items()
        if who in world.people and world.people[who].remote_id not in {"", remote_id}
    ]


def differences(world: World, there: Mapping[str, Held]) -> list[Difference]:
    """Of an account that is to be switched off only the switch counts."""
    found: list[Difference] = []
    for person in world:
        held = there.get(person.remote_id)
        if person.there != (held is not None):
            found.append(Difference(person.key, THERE, _yes(person.there), _yes(not person.there)))
        elif held is not None:
            found += _within(person, held)
    return found


def _within(person: Person, held: Held) -> list[Difference]:
    if person.active != held.active:
        return [Difference(person.key, ACTIVE, _yes(person.active), _yes(held.active))]
    if not person.active:
        return []
    pairs = [
        (path, person.should_hold(path) or "", held.values.get(path, ""))
        for path in {**person.values, **held.values}
    ]
    return [Difference(person.key, *pair) for pair in pairs if pair[1] != pair[2]]


def group_differences(
    world: World, there: Mapping[str, Held], groups: Mapping[str, HeldGroup]
) -> list[Difference]:
    """An id that no account has any more is nobody's membership: see `_left_behind`."""
    found: list[Difference] = []
    for team in world.teams.values():
        held = groups.get(team.remote_id)
        if team.there != (held is not None):
            found.append(Difference(team.who, THERE, _yes(team.there), _yes(not team.there)))
        elif held is not None:
            ours = {*held.members} - team.before
            members = {world.known_as(key) for key in ours if key in there}
            # Who was in it before it was ours stays in it.
            members |= {f"without {key}" for key in team.before - {*held.members}}
            pairs = [
                ("name", team.name, held.name),
                (MEMBERS, listed(world.should_be_in(team)), listed(members)),
            ]
            found += [Difference(team.who, *pair) for pair in pairs if pair[1] != pair[2]]
    return found


def _left_behind(there: Mapping[str, Held], groups: Mapping[str, HeldGroup]) -> list[Difference]:
    """Ids of accounts that were deleted there, in groups of theirs.

    The product says nothing of them: nobody has an access by them.
    """
    return [
        Difference(f"group “{held.name}”", MEMBERS, "", key)
        for held in groups.values()
        for key in held.members
        if key not in there
    ]


def listed(members: Iterable[str]) -> str:
    return ", ".join(sorted(members))


def _of_another(world: World, difference: Difference) -> bool:
    """Whether the account holds what only somebody else should have."""
    path, value = difference.path, difference.there
    others = [person for person in world if person.key != difference.who]
    return path in PERSONAL and any(person.should_hold(path) == value for person in others)


def _told(difference: Difference, said: Said) -> bool:
    """Whether somebody who reads the report learns of it."""
    if (difference.who, difference.path) in said.named:
        return True
    records = said.records.get(difference.who)
    if records is not None and records.get(difference.path, "") == difference.there:
        # It is known not to have been done: then a sentence about this person says why.
        return any(each.who == difference.who for each in (*said.sentences, *said.standing))
    return False


def _readable(text: str) -> bool:
    # What a service said itself stands in quotes.
    ours = re.sub("“[^”]*”", "“…”", text)
    return (
        0 < len(text) <= _LONGEST_SENTENCE
        and text[0] in text[0].upper()
        and text.rstrip("”)").endswith((".", "?", "!"))
        and not any(sign in ours for sign in _UNREADABLE)
    )


def _silent(difference: Difference) -> str:
    return (
        f"{difference.who}: {difference.short} should be “{difference.expected}” and is "
        f"“{difference.there}”, and Gatehouse does not say so"
    )


def _strange(difference: Difference) -> str:
    return (
        f"{difference.who}: {difference.short} is “{difference.there}”, which is not of this "
        "person's doing"
    )


def _reasons(news: Sequence[Difference], sentences: Sequence[Sentence]) -> list[str]:
    kinds: dict[str, list[str]] = {}
    for each in news:
        if each.path in {ACTIVE, THERE}:
            kinds.setdefault("not as it should be", []).append(each.who)
        elif not each.there:
            kinds.setdefault("not kept", []).append(each.short)
        elif not each.expected:
            kinds.setdefault("not cleared", []).append(each.short)
        else:
            kinds.setdefault("not changed", []).append(each.short)
    told = [f"{kind}: {', '.join(dict.fromkeys(what))}" for kind, what in kinds.items()]
    return told or [each.text for each in sentences[:1]]


def _details(news: Sequence[Difference], said: Said) -> list[str]:
    """What an administrator reads about it."""
    concerned = {each.who for each in news}
    older = [each for each in said.standing if each.who in concerned]
    told = [each.text for each in (*said.sentences, *older)]
    return list(dict.fromkeys(told)) or [
        f"{each.who}: {each.short} is known to be written “{each.there}” there" for each in news
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"
