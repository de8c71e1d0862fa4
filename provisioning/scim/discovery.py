"""What an application says that its users consist of (RFC 7643 sections 6 and 7). Pure.

It may say nothing, a part or an untruth, so it suggests and warns and never forbids.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from provisioning.scim import paths
from provisioning.scim.dialect import Lesson
from provisioning.scim.paths import PathError
from provisioning.scim.schema import CORE_USER, ENTERPRISE_USER, is_core

GROUPS: Final = "groups"
ATTRIBUTES: Final = "attributes"
SAID: Final = "It says so of itself."

Descriptions = Sequence[Mapping[str, Any]]

# What is true of an attribute, a letter each, as it is stored.
READ_ONLY, IMMUTABLE, REQUIRED, MULTI_VALUED = "r", "i", "q", "m"
# More is cut off, and then nothing is concluded from what is not there.
_MOST, _LONGEST = 300, 12_000
_CUT = "…"
_NAME = re.compile(r"[A-Za-z$][\w$-]{0,63}", re.ASCII)
_SCHEMA = re.compile(r"urn:[\w:.\-]{1,200}", re.ASCII | re.IGNORECASE)
_NAMED = 6


def listed(body: Any) -> list[Mapping[str, Any]]:
    """The descriptions in an answer: a ListResponse, a bare list, or a single one."""
    found = body.get("Resources", [body]) if isinstance(body, Mapping) else body
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def lessons(
    types: Sequence[Mapping[str, Any]], schemas: Sequence[Mapping[str, Any]]
) -> list[Lesson]:
    """What the resource types and schemas teach, as short as it is kept."""
    found = []
    users = [each for each in types if _is(each, "/Users", "User")]
    if users:
        groups = any(_is(each, "/Groups", "Group") for each in types)
        found.append(Lesson(GROUPS, "yes" if groups else "no", SAID))
    attributes = _attributes(_of_users(users, schemas))
    # Without the core of a user the rest may be about anything.
    if any(":" not in path for path in attributes):
        found.append(Lesson(ATTRIBUTES, _short(attributes), SAID))
    return found


def known(learned: Mapping[str, str]) -> dict[str, str]:
    """Path to letters for the attributes that the application has by its own word."""
    try:
        told = json.loads(learned.get(ATTRIBUTES, "{}"))
    except ValueError:
        return {}
    return (
        {str(path): str(letters) for path, letters in told.items()}
        if isinstance(told, dict)
        else {}
    )


def in_words(flag: str, value: str) -> str:
    """A lesson as an administrator reads it, "" for one that this version does not know."""
    if flag == GROUPS:
        return {"yes": "It has groups.", "no": "It has no groups."}.get(value, "")
    attributes = known({flag: value})
    if flag != ATTRIBUTES or not attributes:
        return ""
    count = len([path for path in attributes if path != _CUT])
    sentences = [f"It describes {count} attributes of its users."]
    for letter, words in ((REQUIRED, "It needs"), (READ_ONLY, "It fills in by itself:")):
        names = [path for path, letters in attributes.items() if letter in letters]
        if names:
            rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            sentences.append(f"{words} {', '.join(names[:_NAMED])}{rest}.")
    return " ".join(sentences)


def suggestions(learned: Mapping[str, str]) -> list[str]:
    """Targets that a mapping row may fill, by the application's own word."""
    found = known(learned)
    outer = {path.rpartition(".")[0] for path in found if _has_parts(path)}
    multi = {path for path, letters in found.items() if MULTI_VALUED in letters}
    return [
        target
        for path, letters in found.items()
        if READ_ONLY not in letters and path not in outer and not {path, _outer(path)} & multi
        if (target := _target(path))
    ]


def objection(target: str, learned: Mapping[str, str], *, always: bool) -> str:
    """What the application says against a mapping row with this target, "" if nothing.

    `always` is whether the row is filled in after the account was made as well.
    """
    found = {path.lower(): letters for path, letters in known(learned).items()}
    if not found:
        return ""
    attribute, whole = _asked(target)
    steps = [step for step in (attribute, whole) if step]
    letters = "".join(found.get(step.lower(), "") for step in steps)
    if _CUT not in found and attribute.lower() not in found:
        return f"does not say that its users have “{attribute}”"
    parts = any(path.startswith(f"{attribute.lower()}.") for path in found)
    if _CUT not in found and parts and whole.lower() not in found:
        return f"does not say that its users have “{whole}”"
    if READ_ONLY in letters:
        return f"says that it fills in “{whole}” by itself"
    if IMMUTABLE in letters and always:
        return f"says that “{whole}” cannot be changed later, so it is best filled in at creation"
    return ""


def unfilled(targets: Iterable[str], learned: Mapping[str, str]) -> list[str]:
    """What the application says it needs and no mapping row fills."""
    filled = {name.lower() for target in targets for name in _asked(target)}
    return [
        path
        for path, letters in known(learned).items()
        if REQUIRED in letters and READ_ONLY not in letters and not _has_parts(path)
        if path.lower() not in filled
    ]


def _is(resource: Mapping[str, Any], endpoint: str, name: str) -> bool:
    told = resource.get("endpoint")
    at_end = isinstance(told, str) and told.rstrip("/").endswith(endpoint)
    return at_end or resource.get("name") == name or resource.get("id") == name


def _of_users(users: Descriptions, schemas: Descriptions) -> Iterator[tuple[str, Any]]:
    """The schemas of a user, with what they hold."""
    wanted = {CORE_USER.lower(), ENTERPRISE_USER.lower()}
    for user in users:
        extensions = user.get("schemaExtensions")
        for each in extensions if isinstance(extensions, list) else []:
            wanted.add(str(each.get("schema") if isinstance(each, Mapping) else "").lower())
    for schema in schemas:
        name = schema.get("id")
        guessed = not users and isinstance(name, str) and name.lower().endswith(":user")
        if (
            isinstance(name, str)
            and (name.lower() in wanted or guessed)
            and _SCHEMA.fullmatch(name)
        ):
            yield name, schema.get("attributes")


def _attributes(schemas: Iterable[tuple[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for schema, attributes in schemas:
        prefix = "" if is_core(schema) else f"{schema}:"
        for name, letters, attribute in _named(attributes):
            found[f"{prefix}{name}"] = letters
            for part, more, _ in _named(attribute.get("subAttributes")):
                found[f"{prefix}{name}.{part}"] = more
    return found


def _named(attributes: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for each in attributes if isinstance(attributes, list) else []:
        name = each.get("name") if isinstance(each, Mapping) else None
        if isinstance(name, str) and _NAME.fullmatch(name):
            told = {"readOnly": READ_ONLY, "immutable": IMMUTABLE}
            letters = told.get(str(each.get("mutability")), "")
            letters += REQUIRED if each.get("required") is True else ""
            letters += MULTI_VALUED if each.get("multiValued") is True else ""
            yield name, letters, each


def _short(attributes: Mapping[str, str]) -> str:
    kept = dict(list(attributes.items())[:_MOST])
    if len(kept) < len(attributes):
        kept[_CUT] = ""
    while len(told := json.dumps(kept, ensure_ascii=False)) > _LONGEST:
        kept = dict(list(kept.items())[: len(kept) // 2]) | {_CUT: ""}
    return told


def _has_parts(path: str) -> bool:
    """Whether it is a part of an attribute; a schema holds dots, too (2.0)."""
    return "." in path.rpartition(":")[2]


def _outer(path: str) -> str:
    return path.rpartition(".")[0] if _has_parts(path) else path


def _asked(target: str) -> tuple[str, str]:
    """The attribute that a target leads into, and with its part, as they are kept."""
    try:
        path = paths.parse(target)
    except PathError:
        # Not a SCIM application's: it has no description either.
        return target, target
    prefix = "" if is_core(path.schema) else f"{path.schema}:"
    attribute = f"{prefix}{path.attribute}"
    part = path.part
    return attribute, f"{attribute}.{part}" if part else attribute


def _target(path: str) -> str:
    try:
        return "" if path == _CUT else str(paths.target(path))
    except PathError:
        return ""
