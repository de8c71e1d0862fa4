"""How a SCIM target deviates from RFC 7644, and in which forms it is asked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

UPDATE: Final = "update"
SWITCH: Final = "switch"
# With the attribute that is searched for behind it.
SEARCH: Final = "search."

_SHOWN = 200
# What servers say of a form that they do not know, whatever the status.
_SIGNS = (
    "does not support",
    "doesn't support",
    "not implemented",
    "not supported",
    "unsupported",
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
    # How many accounts are asked for on one page of a list.
    page_size: int = 100
    # Whether it keeps an id of ours beside its own.
    keeps_external_id: bool = True
    # How what is sent is labelled.
    media_type: str = "application/scim+json"
    # Where it may describe itself; the plural is what RFC 7643's first drafts had.
    discovery: tuple[str, ...] = ("/ServiceProviderConfig", "/ServiceProviderConfigs")


@dataclass(frozen=True)
class Lesson:
    """Which value one flag has for an application, and how that is known."""

    flag: str
    value: str
    evidence: str


Form = TypeVar("Form", Update, Search)

# What a ServiceProviderConfig calls the thing that these forms need (RFC 7643 section 5).
_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "patch": frozenset({Update.PATHS, Update.WHOLE}),
    "filter": frozenset({Search.FILTER, Search.BARE}),
}
_CALLED: Final = {"patch": "changes by PATCH", "filter": "searches by filter"}

_SOUGHT: Final = {"userName": "their user name", "externalId": "the id that Gatehouse gave them"}
_WORDS: Final[Mapping[tuple[str, str], str]] = {
    (UPDATE, Update.PATHS): "A change is sent by itself (PATCH with paths).",
    (UPDATE, Update.WHOLE): "A change is sent with the whole attribute (PATCH without paths).",
    (UPDATE, Update.PUT): "A change is sent with everything that the account holds (PUT).",
    (SWITCH, Update.PATHS): "Accounts are switched on and off by themselves (PATCH with paths).",
    (SWITCH, Update.WHOLE): "Accounts are switched on and off by PATCH without paths.",
    (SWITCH, Update.PUT): "Accounts are switched on and off with everything they hold (PUT).",
    (SEARCH, Search.FILTER): "Accounts are found by a search for {}.",
    (SEARCH, Search.BARE): "Accounts are found by a search for {}, written without quotes.",
    (
        SEARCH,
        Search.LISTING,
    ): "Accounts are found by {} only by reading the list of all.",
}


def in_words(flag: str, value: str) -> str:
    """A lesson as an administrator reads it, "" for one that this version does not know."""
    kind, dot, attribute = flag.partition(".")
    return _WORDS.get((f"{kind}{dot}", value), "").format(_SOUGHT.get(attribute, attribute))


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


def discovered(config: Mapping[str, Any], dialect: Dialect) -> list[Lesson]:
    """What a ServiceProviderConfig says about the forms that this dialect has."""
    lessons = []
    for flag, forms, feature in (
        (UPDATE, dialect.updates, "patch"),
        (SWITCH, dialect.switches, "patch"),
        (f"{SEARCH}userName", dialect.searches, "filter"),
        (f"{SEARCH}externalId", dialect.searches, "filter"),
    ):
        told = _supported(config, feature)
        fitting = [form for form in forms if (form in _NEEDS[feature]) is told]
        if fitting and not (flag.endswith("externalId") and not dialect.keeps_external_id):
            does = "takes" if told else "does not take"
            lessons.append(
                Lesson(flag, fitting[0], f"It says of itself that it {does} {_CALLED[feature]}.")
            )
    return lessons


def evidence(method: str, status: int, said: str) -> str:
    """What an application answered to a form that it refused, short enough to be shown."""
    return f"It answered {status} to {method}{said}"[:_SHOWN]


def _supported(config: Mapping[str, Any], feature: str) -> bool | None:
    told = config.get(feature)
    supported = told.get("supported") if isinstance(told, Mapping) else None
    return supported if isinstance(supported, bool) else None
