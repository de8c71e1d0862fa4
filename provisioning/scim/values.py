"""What becomes of the value of one attribute by one operation of a PATCH (RFC 7644 3.5.2)."""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from provisioning.scim import matching, paths
from provisioning.scim.filters import And, Comparison, Filter, Place
from provisioning.scim.paths import Document, Path
from provisioning.scim.schema import LISTS, is_core

_SWITCHES: Final = frozenset({"active", "primary"})
_TRUTHS: Final = {"true": True, "false": False}


class PatchError(ValueError):
    """A PATCH that cannot be applied; `scim_type` is the reason as RFC 7644 3.12 names it."""

    def __init__(self, scim_type: str, detail: str) -> None:
        super().__init__(scim_type, detail)
        self.scim_type = scim_type
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True)
class Write:
    """One value that `add` or `replace` is to put somewhere."""

    op: str
    place: Place
    value: Any

    @property
    def adds(self) -> bool:
        return self.op == "add"

    @property
    def is_empty(self) -> bool:
        """Null and [] are no value (RFC 7643 2.5), but an account is active or not."""
        path = self.place.attribute
        is_switch = is_core(path.schema) and path.attribute.lower() == "active"
        return not is_switch and (self.value is None or self.value == [])


def written(held: Any, write: Write) -> Any:
    """What an attribute holds with the value in it; entries of `held` may be changed."""
    marked = {id(entry) for entry in _primary(held)}
    found = _written(held, write)
    _keep_one_primary(found, marked)
    return found


def _written(held: Any, write: Write) -> Any:
    path = write.place.attribute
    if write.place.chosen is not None:
        return _written_to_chosen(held, write, write.place.chosen)
    if path.sub is not None:
        return _written_to_part(held, write, path.sub)
    return _written_whole(held, write)


def _written_to_chosen(held: Any, write: Write, chosen: Filter) -> list[Any]:
    path = write.place.attribute
    entries = [] if held is None else held
    if not isinstance(entries, list):
        raise PatchError("noTarget", f"“{path.attribute}” has no entries to choose from.")
    is_chosen = matching.chooser(chosen, attribute=path.attribute)
    places = [place for place, entry in enumerate(entries) if is_chosen(entry)]
    for place in places:
        entries[place] = _with(entries[place], path.sub, write.value)
    if not places:
        seed = _seed(chosen) if write.adds else None
        if seed is None:
            raise PatchError("noTarget", f"No entry of “{path.attribute}” is as the filter asks.")
        entry = _with(seed, path.sub, write.value)
        if not is_chosen(entry):
            raise PatchError("invalidValue", "The value is not as the filter before it asks.")
        entries.append(entry)
    return entries


def _seed(chosen: Filter) -> Document | None:
    """What an entry holds that is as the filter asks, None if that is not certain."""
    seed: Document = {}
    for part in chosen.parts if isinstance(chosen, And) else (chosen,):
        if not isinstance(part, Comparison) or part.operator != "eq" or part.value is None:
            return None
        seed[part.attribute.attribute] = part.value
    return seed


def _with(entry: Any, sub: str | None, value: Any) -> Any:
    if not isinstance(entry, dict):
        if sub is None:
            return value
        raise PatchError("invalidPath", f"There is no “{sub}” in a single value.")
    if sub is None and not isinstance(value, dict):
        raise PatchError("invalidValue", "An entry with several parts needs an object.")
    return _merged(entry, value if sub is None else {sub: value})


def _written_to_part(held: Any, write: Write, sub: str) -> Any:
    part = {sub: write.value}
    if isinstance(held, list) and held:
        return [_with(entry, sub, write.value) for entry in held]
    if isinstance(held, dict):
        return _merged(held, part)
    return [_merged({}, part)] if _is_list(write.place.attribute) else _merged({}, part)


def _written_whole(held: Any, write: Write) -> Any:
    path = write.place.attribute
    value = _cast(path.attribute, write.value) if is_core(path.schema) else write.value
    if isinstance(held, dict) and isinstance(value, dict):
        return _merged(held, value)
    if isinstance(value, list) or isinstance(held, list) or _is_list(path):
        given = [_clean(each) for each in (value if isinstance(value, list) else [value])]
        entries = [entry for entry in given if entry not in (None, {})]
        if not write.adds:
            return entries
        return _joined(held if isinstance(held, list) else [], entries, path.attribute)
    return _clean(value)


def _is_list(path: Path) -> bool:
    return is_core(path.schema) and path.attribute.lower() in LISTS


def _joined(held: list[Any], added: list[Any], attribute: str) -> list[Any]:
    """The entries, each of them once: one that is there already takes what is new in it.

    A member stays as it is: what else is said of it cannot change (RFC 7643 8.7.1).
    """
    known = {_identity(entry, attribute): entry for entry in held}
    for entry in added:
        identity = _identity(entry, attribute)
        if identity not in known:
            known[identity] = entry
            held.append(entry)
        elif isinstance(entry, dict) and not _is_members(attribute):
            _merged(known[identity], entry)
    return held


def _identity(entry: Any, attribute: str) -> Hashable:
    """A member is who it is; of anything else there may be one with each type."""
    value = matching.compared_by(attribute, "value", paths.field(entry, "value"))
    if value is None:
        return json.dumps(entry, sort_keys=True)
    if _is_members(attribute):
        return value
    return value, matching.compared_by(attribute, "type", paths.field(entry, "type"))


def _is_members(attribute: str) -> bool:
    return attribute.lower() == "members"


def _merged(held: Document, value: Document) -> Document:
    """`held` itself, with what the value names in it; null takes away."""
    spelled = {name.lower(): name for name in held}
    for name, each in value.items():
        key = spelled.setdefault(name.lower(), name)
        if each is None or each == []:
            held.pop(key, None)
        else:
            held[key] = _cast(name, each)
    return held


def _clean(value: Any) -> Any:
    return _merged({}, value) if isinstance(value, dict) else value


def _cast(name: str, value: Any) -> Any:
    """Entra sends "True" and "False" for what is true or false."""
    if name.lower() not in _SWITCHES:
        return value
    known = _TRUTHS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise PatchError("invalidValue", f"“{name}” is true or false.")
    return known


def _primary(held: Any) -> list[Document]:
    entries = held if isinstance(held, list) else []
    return [entry for entry in entries if paths.field(entry, "primary") is True]


def _keep_one_primary(written: Any, marked: set[int]) -> None:
    """The entry that has just become the primary one is the only one."""
    entries = _primary(written)
    fresh = [entry for entry in entries if id(entry) not in marked]
    if len(fresh) > 1:
        raise PatchError("invalidValue", "Only one entry can be the primary one.")
    for entry in entries:
        if fresh and entry is not fresh[0]:
            entry[paths.spelling(entry, "primary")] = False


def left(held: Any, place: Place, value: Any) -> Any:
    """What is left of an attribute; `value` names the entries to remove, None if all."""
    path = place.attribute
    if place.chosen is not None:
        return _left_of_chosen(held, place, place.chosen)
    if path.sub is not None and isinstance(held, list):
        return [entry for entry in (_without(each, path.sub) for each in held) if entry != {}]
    if path.sub is not None:
        return _without(held, path.sub)
    if value is not None and isinstance(held, list):
        named = _named_to_remove(value, path.attribute)
        return [entry for entry in held if _value_of(entry, path.attribute) not in named]
    return None


def _left_of_chosen(held: Any, place: Place, chosen: Filter) -> Any:
    path, kept = place.attribute, []
    if not isinstance(held, list):
        return held
    is_chosen = matching.chooser(chosen, attribute=path.attribute)
    for entry in held:
        if is_chosen(entry):
            rest = {} if path.sub is None else _without(entry, path.sub)
            kept += [rest] if rest != {} else []
        else:
            kept.append(entry)
    return kept


def _without(held: Any, sub: str) -> Any:
    if not isinstance(held, dict):
        return held
    return {name: value for name, value in held.items() if name.lower() != sub.lower()}


def _named_to_remove(value: Any, attribute: str) -> set[Hashable]:
    """The entries that the value names: [{"value": …}], alone, or below the attribute's name."""
    inner = paths.field(value, attribute)
    found = value if inner is None else inner
    named = {_value_of(each, attribute) for each in (found if isinstance(found, list) else [found])}
    if None in named:
        raise PatchError("invalidValue", "What is to be removed is named by its value.")
    return named


def _value_of(entry: Any, attribute: str) -> Hashable:
    value = paths.field(entry, "value") if isinstance(entry, dict) else entry
    return matching.compared_by(attribute, "value", value)
