"""Knows the attributes of a SCIM user and which of them a mapping may fill (RFC 7643 4.1)."""

import difflib
from collections.abc import Iterable
from typing import Final

from provisioning.scim.grammar import Path, PathError, Term, parse

CORE_USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_CORE = frozenset({CORE_USER.lower(), CORE_GROUP.lower()})

READ_ONLY: Final = frozenset({"id", "meta", "groups"})

# `addresses` has none (RFC 7643 8.7.1).
HAVE_PRIMARY: Final = frozenset(
    {"emails", "phoneNumbers", "ims", "photos", "entitlements", "roles", "x509Certificates"}
)
_MULTI_VALUED = HAVE_PRIMARY | {"addresses"}
# Nothing but the value tells their entries apart, so that all of them together can be filled.
_WHOLE = frozenset({"entitlements", "roles"})
# The same, in small letters, and those of a group.
LISTS: Final = frozenset(name.lower() for name in (*_MULTI_VALUED, "members", "schemas"))

_SINGLE = (
    *("userName", "displayName", "nickName", "profileUrl", "title", "userType"),
    *("preferredLanguage", "locale", "timezone", "active"),
)
_NAME = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
_ADDRESS = ("formatted", "streetAddress", "locality", "region", "postalCode", "country", "type")
# Attribute to its parts, none for one that is a single value.
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_SINGLE, ()),
    "name": _NAME,
    "addresses": _ADDRESS,
    **dict.fromkeys(sorted(HAVE_PRIMARY), ("value", "display", "type", "primary")),
}
_ENTERPRISE = ("employeeNumber", "costCenter", "organization", "division", "department", "manager")

_SET_BY_TARGET = "The application sets it itself and nobody else can write it. Remove this row."
_REFUSED = {
    "id": f"“id” is read-only. {_SET_BY_TARGET}",
    "meta": f"“meta” is read-only. {_SET_BY_TARGET}",
    "groups": "“groups” is read-only: the application works it out from its groups. "
    "Remove this row.",
    "externalid": "Gatehouse fills “externalId” itself, to recognise the person again. "
    "Remove this row.",
    "schemas": "Gatehouse fills “schemas” itself. Remove this row.",
    "password": "Passwords are not provisioned: people sign in by the login method of the "
    "policy. Remove this row.",
}


def target(text: str) -> Path:
    """The path of a user attribute that a mapping may fill, in canonical form.

    Known names get their letter case, the core schema is dropped, and an entry chosen by a filter
    gets `.value` unless another part is named: two texts that mean the same give equal paths.
    Attributes of extensions are taken as they are. Raises PathError.
    """
    read = parse(text)
    path = _core(text, read) if is_core(read.schema) else _extension(read)
    if path.part in {term.attribute for term in path.terms}:
        raise PathError(
            text,
            text.index("[") + 1,
            f"The brackets choose by “{path.part}”, which the mapping would change. "
            f'Choose by another part: {path.attribute}[type eq "work"].{path.part}.',
        )
    return path


def is_whole_list(path: Path) -> bool:
    """Whether the path means all entries of a list of the core schema."""
    return is_core(path.schema) and not path.terms and path.attribute in _WHOLE


def is_core(schema: str | None) -> bool:
    """Whether the attribute stands at the top of the document, not below its schema."""
    return schema is None or schema.lower() in _CORE


def _extension(path: Path) -> Path:
    known = str(path.schema).lower() == ENTERPRISE_USER.lower()
    schema = ENTERPRISE_USER if known else path.schema
    return Path(schema, path.attribute, path.terms, path.part)


def _core(text: str, path: Path) -> Path:
    start = len(path.schema) + 1 if path.schema else 0
    attribute = _attribute(text, path.attribute, at=start)
    end = start + len(path.attribute)
    if attribute in _WHOLE and not path.terms and path.sub is None:
        return Path(None, attribute)
    if attribute in _MULTI_VALUED:
        terms = _terms(text, attribute, path, at=end)
    elif path.terms:
        raise PathError(
            text,
            end,
            f"“{attribute}” exists only once, so no brackets follow it: {_example(attribute)}.",
        )
    else:
        terms = ()
    return Path(None, attribute, terms, _part(text, attribute, path.sub))


def _attribute(text: str, name: str, *, at: int) -> str:
    refused = _REFUSED.get(name.lower())
    if refused:
        raise PathError(text, at, refused)
    known = _spelled(name, _ATTRIBUTES)
    if known is None:
        raise PathError(
            text, at, f"SCIM users have no attribute “{name}”.{_did_you_mean(name, _suggestions())}"
        )
    return known


def _terms(text: str, attribute: str, path: Path, *, at: int) -> tuple[Term, ...]:
    """The filter of a multi-valued attribute, whose text begins at `at`."""
    if not path.terms:
        raise PathError(
            text,
            at,
            f"“{attribute}” can hold several entries. Say in brackets which one is meant: "
            f"{_example(attribute)}.",
        )
    return tuple(
        # The first name stands right behind the bracket, the others between blanks.
        _term(text, attribute, term, at=max(at + 1, text.rfind(f" {term.attribute} ", at) + 1))
        for term in path.terms
    )


def _term(text: str, attribute: str, term: Term, *, at: int) -> Term:
    parts = (*_ATTRIBUTES[attribute], "primary")
    name = _spelled(term.attribute, parts)
    if name is None:
        raise PathError(text, at, _no_part(attribute, term.attribute))
    if name == "primary" and not isinstance(term.value, bool):
        raise PathError(
            text, at, f"“primary” is true or false, without quotes: {attribute}[primary eq true]."
        )
    if name != "primary" and not isinstance(term.value, str):
        raise PathError(
            text, at, f'“{name}” is text, in double quotes: {attribute}[{name} eq "work"].'
        )
    return Term(name, term.value)


def _part(text: str, attribute: str, sub: str | None) -> str | None:
    """The sub-attribute with its letter case, `value` if an entry has one and none is named."""
    parts = _ATTRIBUTES[attribute]
    if sub is None:
        if not parts or "value" in parts:
            return "value" if parts else None
        raise PathError(
            text,
            len(text),
            f"“{attribute}” has several parts. Name one of them: {_example(attribute)}.",
        )
    if not parts:
        raise PathError(
            text,
            len(text) - len(sub) - 1,
            f"“{attribute}” is a single value without parts. Write {attribute}.",
        )
    known = _spelled(sub, parts)
    if known is None:
        raise PathError(text, len(text) - len(sub), _no_part(attribute, sub))
    return known


def _spelled(name: str, known: Iterable[str]) -> str | None:
    """The name in the letter case of the RFC, None if it is not among the known ones."""
    return next((each for each in known if each.lower() == name.lower()), None)


def _no_part(attribute: str, name: str) -> str:
    parts = _ATTRIBUTES[attribute]
    hint = _did_you_mean(name, {part: part for part in parts})
    return f"“{attribute}” has no part “{name}”.{hint} It has {', '.join(parts)}."


def _did_you_mean(name: str, suggestions: dict[str, str]) -> str:
    spelled = {known.lower(): suggestion for known, suggestion in suggestions.items()}
    near = difflib.get_close_matches(name.lower(), spelled, n=1)
    return f" Did you mean “{spelled[near[0]]}”?" if near else ""


def _suggestions() -> dict[str, str]:
    """What somebody may have typed, to the path that was meant."""
    return {
        # The nearest spelling of these is another attribute.
        "firstName": "name.givenName",
        "lastName": "name.familyName",
        "surname": "name.familyName",
        **{name: f"{ENTERPRISE_USER}:{name}" for name in _ENTERPRISE},
        **{name: f"name.{name}" for name in _NAME},
        **{name: _example(name) if parts else name for name, parts in _ATTRIBUTES.items()},
    }


def _example(attribute: str) -> str:
    if attribute == "name":
        return "name.givenName"
    if attribute == "addresses":
        return 'addresses[type eq "work"].locality'
    return f'{attribute}[type eq "work"]' if attribute in _MULTI_VALUED else attribute
