"""How a SCIM target deviates from RFC 7644, and in which forms it is asked. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from provisioning.scim import spelling

UPDATE: Final = "update"
SWITCH: Final = "switch"
# With the attribute that is searched for behind it.
SEARCH: Final = "search."
DELETE: Final = "delete"
PAGING: Final = "paging"
PAGE_SIZE: Final = "page_size"
TAKEN: Final = "taken"
ETAG: Final = "etag"
# The same of groups.
GROUP_UPDATE: Final = "group_update"
GROUP_SEARCH: Final = "group_search."
ADDITION: Final = "member_addition"
REMOVAL: Final = "member_removal"
# With one of these two and the form behind it: whether it leaves everybody else in the group.
SPARES: Final = "spares."
AT_ONCE: Final = "members_at_once"
MEMBERS_SHOWN: Final = "members_shown"
CERTIFICATE: Final = "certificate"
# By how many seconds its clock is ahead of ours, or behind.
CLOCK: Final = "clock"
WARNINGS: Final = frozenset({CERTIFICATE, CLOCK})

SHOWN = 200
# What servers say of a form that they do not know, whatever the status.
_SIGNS = (
    "does not support",
    "doesn't support",
    "not implemented",
    "not supported",
    "unsupported",
)


# What servers without a 409 say of a value that another account has.
_TAKEN_WORDS = re.compile(
    r"\balready (been taken|exists?|in use|taken|used)\b|\b(not|must be) unique\b"
    r"|\bduplicated?\b(?![@.])"
)
# Those of RFC 7644's reasons that are about a form, where it gives one at all.
_ABOUT_THE_FORM = frozenset({"invalidFilter", "invalidPath"})
_SAYS_NOTHING = frozenset({"", "invalidSyntax"})


class Update(StrEnum):
    """The forms in which a change can be sent."""

    # PATCH with a path for each value: costs one request and touches nothing else.
    PATHS = "patch"
    # PATCH without paths, holding each changed attribute as a whole.
    WHOLE = "patch_whole"
    # PUT of what the target holds, with the changes in it.
    PUT = "put"


class Search(StrEnum):
    """The ways to find an account."""

    # A filter with the value in quotes, as RFC 7644 has it.
    FILTER = "filter"
    # The same without quotes, for values that need none.
    BARE = "bare_filter"
    # Reading the list of all accounts.
    LISTING = "listing"


class Paging(StrEnum):
    """The ways to read a list page by page."""

    # By the number of the first account on the page.
    INDEX = "index"
    # By a bookmark that each page gives for the next one (RFC 9865).
    CURSOR = "cursor"


class Deletion(StrEnum):
    """What DELETE does with an account."""

    REMOVES = "removes"
    # The account stays, switched off.
    DEACTIVATES = "deactivates"


class Members(StrEnum):
    """The forms in which accounts are put into a group and taken out."""

    # PATCH with a path that chooses the one account: takes out, and cannot mean anybody else.
    CHOSEN = "chosen"
    # PATCH with the path “members” and a list of accounts.
    LIST = "list"
    # The same with that list below the name “members” once more.
    NAMED_LIST = "named_list"
    # PATCH without a path: puts in.
    PATHLESS = "pathless"
    # PUT of the group as it is held, with the change in it.
    PUT = "put"


@dataclass(frozen=True)
class Groups:
    """What is true of the groups of one kind of target. The defaults are the RFC's."""

    updates: tuple[Update, ...] = tuple(Update)
    searches: tuple[Search, ...] = (Search.FILTER, Search.LISTING)
    # Not the list below a name: a server that does not know it may make one odd member of it.
    additions: tuple[Members, ...] = (Members.LIST, Members.PATHLESS, Members.PUT)
    # The first is trusted; of the others a list may empty the whole group on some servers.
    removals: tuple[Members, ...] = (
        Members.CHOSEN,
        Members.LIST,
        Members.NAMED_LIST,
        Members.PUT,
    )
    # How many members one request may add or remove.
    members_at_once: int = 100
    # Whether a search can be asked to leave out who is in the groups.
    excludes_members: bool = True
    # Whether a group is shown with who is in it, None where that has to be found out.
    shows_members: bool | None = None
    # The filter that finds the group only if the account is in it, with a place for either id.
    member_filter: str = ""


@dataclass(frozen=True)
class Dialect:
    """What is true of one kind of target. The defaults are the RFC's.

    Of several forms the first is used until the target refuses it.
    """

    updates: tuple[Update, ...] = tuple(Update)
    # How accounts are switched on and off.
    switches: tuple[Update, ...] = tuple(Update)
    searches: tuple[Search, ...] = (Search.FILTER, Search.LISTING)
    # The attributes that accounts can be found by, as a filter names them; empty is all.
    searchable: tuple[str, ...] = ()
    paging: tuple[Paging, ...] = tuple(Paging)
    # How many accounts are asked for on one page of a list.
    page_size: int = 100
    # Statuses that mean nobody, as the answer to a search, if a body in JSON comes with them.
    nobody: tuple[int, ...] = ()
    # How what it takes in no other spelling is written (provisioning/scim/spelling.py).
    spelling: Mapping[str, str] = field(default_factory=dict)
    # Whether it keeps an id of ours beside its own.
    keeps_external_id: bool = True
    # How what is sent is labelled.
    media_type: str = "application/scim+json"
    delete: Deletion = Deletion.REMOVES
    # Where it may describe itself; the plural is what RFC 7643's first drafts had.
    discovery: tuple[str, ...] = ("/ServiceProviderConfig", "/ServiceProviderConfigs")
    groups: Groups = Groups()


@dataclass(frozen=True)
class Lesson:
    """Which value one flag has for an application, and how that is known."""

    flag: str
    value: str
    evidence: str


Form = TypeVar("Form", Update, Search, Paging, Members)

# What a ServiceProviderConfig calls the thing that these forms need (RFC 7643 section 5).
_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "patch": frozenset({Update.PATHS, Update.WHOLE, *Members} - {Members.PUT}),
    "filter": frozenset({Search.FILTER, Search.BARE}),
}
# A flag, the forms for it, and what they need.
_Told = tuple[str, Sequence[StrEnum], str]
_CALLED: Final = {"patch": "changes by PATCH", "filter": "searches by filter"}

_SOUGHT: Final = {
    "userName": "their user name",
    "displayName": "their name",
    "externalId": "the id that Gatehouse gave them",
    f"{ADDITION}.{Members.PATHLESS}": "Adding people without a path",
    f"{ADDITION}.{Members.NAMED_LIST}": "Adding people by a list below its name",
    f"{REMOVAL}.{Members.LIST}": "Removing people by a list",
    f"{REMOVAL}.{Members.NAMED_LIST}": "Removing people by a list below its name",
}
_WORDS: Final[Mapping[tuple[str, str], str]] = {
    (UPDATE, Update.PATHS): "A change is sent by itself (PATCH with paths).",
    (UPDATE, Update.WHOLE): "A change is sent with the whole attribute (PATCH without paths).",
    (UPDATE, Update.PUT): "A change is sent with everything that the account holds (PUT).",
    (SWITCH, Update.PATHS): "Accounts are switched on and off by themselves (PATCH with paths).",
    (SWITCH, Update.WHOLE): "Accounts are switched on and off by PATCH without paths.",
    (SWITCH, Update.PUT): "Accounts are switched on and off with everything they hold (PUT).",
    (DELETE, Deletion.DEACTIVATES): "Deleting an account only switches it off, and it stays there.",
    (SEARCH, Search.FILTER): "Accounts are found by a search for {}.",
    (SEARCH, Search.BARE): "Accounts are found by a search for {}, written without quotes.",
    (
        SEARCH,
        Search.LISTING,
    ): "Accounts are found by {} only by reading the list of all.",
    (spelling.OPS, spelling.CAPITAL): "Changes are written as “Replace” with a capital letter.",
    (spelling.BOOLEANS, spelling.TEXT): "Whether somebody is switched on is written as text.",
    (ETAG, "yes"): "A change that meets one of somebody else is noticed and made anew (ETag).",
    (TAKEN, "400"): "That an account exists already is answered as a bad request (400).",
    (TAKEN, "422"): "That an account exists already is answered as a bad value (422).",
    (TAKEN, "500"): "That an account exists already is answered as an error of its own (500).",
    (PAGING, Paging.INDEX): "The list of all accounts is read by number.",
    (PAGING, Paging.CURSOR): "The list of all accounts is read from bookmark to bookmark (cursor).",
    (GROUP_UPDATE, Update.PATHS): "A group is renamed by itself (PATCH with a path).",
    (GROUP_UPDATE, Update.WHOLE): "A group is renamed by PATCH without a path.",
    (GROUP_UPDATE, Update.PUT): "A group is renamed with everything that it holds (PUT).",
    (GROUP_SEARCH, Search.FILTER): "Groups are found by a search for {}.",
    (GROUP_SEARCH, Search.BARE): "Groups are found by a search for {}, written without quotes.",
    (GROUP_SEARCH, Search.LISTING): "Groups are found by {} only by reading the list of all.",
    (ADDITION, Members.LIST): "People are put into a group by PATCH with a path.",
    (ADDITION, Members.NAMED_LIST): "People are put into a group by PATCH with a path and a list "
    "below its name.",
    (ADDITION, Members.PATHLESS): "People are put into a group by PATCH without a path.",
    (ADDITION, Members.PUT): "People are put into a group with everything that it holds (PUT).",
    (REMOVAL, Members.CHOSEN): "People are taken out of a group each by a path (PATCH).",
    (REMOVAL, Members.LIST): "People are taken out of a group by a list of them (PATCH).",
    (REMOVAL, Members.NAMED_LIST): "People are taken out of a group by a list below its name "
    "(PATCH).",
    (REMOVAL, Members.PUT): "People are taken out of a group by sending all others again (PUT).",
    (SPARES, "yes"): "{} was seen to leave everybody else in the group.",
    (SPARES, "no"): "{} was seen to take others out of the group, so it is not used any more.",
    (AT_ONCE, ""): "One request adds or removes at most {} members of a group.",
    (MEMBERS_SHOWN, "yes"): "It shows who is in a group.",
    (MEMBERS_SHOWN, "no"): "It does not show who is in a group, so that cannot be checked.",
}


def in_words(flag: str, value: str) -> str:
    """A lesson as an administrator reads it, "" for one that this version does not know."""
    if flag == PAGE_SIZE:
        return _pages(value)
    if flag == AT_ONCE:
        return _WORDS[AT_ONCE, ""].format(value) if value.isdigit() else ""
    if flag == CERTIFICATE:
        return f"Its certificate ends on {value}. Ask the people who run it for a new one before."
    if flag == CLOCK:
        return _clock(value)
    kind, dot, attribute = flag.partition(".")
    return _WORDS.get((f"{kind}{dot}", value), "").format(_SOUGHT.get(attribute, attribute))


def page_size(dialect: Dialect, learned: Mapping[str, str]) -> int:
    """How many accounts to ask for on one page; 0 leaves it to the application."""
    told = learned.get(PAGE_SIZE, "")
    return min(int(told), dialect.page_size) if _is_number(told) else dialect.page_size


def _pages(value: str) -> str:
    if not _is_number(value):
        return ""
    if int(value) == 0:
        return "Its list is read in pages as large as it makes them."
    return f"Its list is read in pages of {int(value)}."


def _clock(value: str) -> str:
    seconds = value.removeprefix("-")
    if not _is_number(seconds):
        return ""
    way = "behind" if value.startswith("-") else "ahead of"
    return (
        f"Its clock is {seconds} seconds {way} the one here. Let this machine set its clock by a "
        "time server (NTP), or tell the people who run it."
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def order(forms: Sequence[Form], learned: str | None) -> list[Form]:
    """The form that was learned first, then the others as they are preferred."""
    return sorted(forms, key=lambda form: form != learned)


def refuses_form(status: int, scim_type: str, said: str) -> bool:
    """Whether an error is about the form of a request and not about what it holds.

    A server that knows the form and refuses the value says so under the same 400, so the status
    alone is enough only where it has no other meaning.
    """
    if status in {405, 501}:
        return True
    if status not in {400, 500}:
        return False
    if scim_type in _ABOUT_THE_FORM:
        return True
    words = said.casefold()
    return scim_type in _SAYS_NOTHING and any(sign in words for sign in _SIGNS)


def says_taken(method: str, status: int, said: str) -> bool:
    """Whether an error without the status or the scimType for it says that somebody has the value.

    A 500 in these words comes from a database that refused the row (django-scim2 and others).
    """
    statuses = {400, 422, 500} if method == "POST" else {400, 422}
    if method not in {"POST", "PUT", "PATCH"} or status not in statuses:
        return False
    return bool(_TAKEN_WORDS.search(said.casefold()))


def discovered(config: Mapping[str, Any], dialect: Dialect) -> list[Lesson]:
    """What a ServiceProviderConfig says about the forms that this dialect has."""
    table: list[_Told] = [
        (UPDATE, dialect.updates, "patch"),
        (SWITCH, dialect.switches, "patch"),
        (f"{SEARCH}userName", dialect.searches, "filter"),
        (f"{SEARCH}externalId", dialect.searches, "filter"),
    ]
    lessons = _lessons(config, table, dialect)
    if _supported(config, "etag"):
        lessons.append(Lesson(ETAG, "yes", "It says so of itself."))
    return [*lessons, *_pagination(config, dialect)]


def discovered_of_groups(config: Mapping[str, Any], dialect: Dialect) -> list[Lesson]:
    """The same about the forms for groups."""
    table: list[_Told] = [
        (GROUP_UPDATE, dialect.groups.updates, "patch"),
        (ADDITION, dialect.groups.additions, "patch"),
        (REMOVAL, dialect.groups.removals, "patch"),
        (f"{GROUP_SEARCH}displayName", dialect.groups.searches, "filter"),
        (f"{GROUP_SEARCH}externalId", dialect.groups.searches, "filter"),
    ]
    return _lessons(config, table, dialect)


def _lessons(config: Mapping[str, Any], table: Iterable[_Told], dialect: Dialect) -> list[Lesson]:
    lessons = []
    for flag, forms, feature in table:
        told = _supported(config, feature)
        fitting = [form for form in forms if (form in _NEEDS[feature]) is told]
        if fitting and not (flag.endswith("externalId") and not dialect.keeps_external_id):
            does = "takes" if told else "does not take"
            lessons.append(
                Lesson(flag, fitting[0], f"It says of itself that it {does} {_CALLED[feature]}.")
            )
    return lessons


def _pagination(config: Mapping[str, Any], dialect: Dialect) -> list[Lesson]:
    """What it says of its lists (RFC 9865 section 4)."""
    told = config.get("pagination")
    if not isinstance(told, Mapping):
        return []
    lessons = []
    by_cursor, by_index = told.get("cursor") is True, told.get("index") is True
    if by_cursor and by_index:
        by_cursor = told.get("defaultPaginationMethod") == Paging.CURSOR
    said = "It says so of itself."
    if (by_cursor or by_index) and len(dialect.paging) > 1:
        lessons.append(Lesson(PAGING, Paging.CURSOR if by_cursor else Paging.INDEX, said))
    most = told.get("maxPageSize")
    if isinstance(most, int) and not isinstance(most, bool) and 0 < most < dialect.page_size:
        lessons.append(Lesson(PAGE_SIZE, str(most), said))
    return lessons


def evidence(method: str, status: int, said: str) -> str:
    """What an application answered to a form that it refused, short enough to be shown."""
    return f"It answered {status} to {method}{said}"[:SHOWN]


def _supported(config: Mapping[str, Any], feature: str) -> bool | None:
    told = config.get(feature)
    supported = told.get("supported") if isinstance(told, Mapping) else None
    return supported if isinstance(supported, bool) else None
