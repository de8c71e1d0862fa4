"""Formulas that are made up, of every function, and a person to work them out for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from provisioning.expressions.functions import FUNCTIONS, Function
from provisioning.expressions.values import Kind, Value

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)
ATTRIBUTES = ("first_name", "last_name", "email", "title", "custom.a")


@dataclass
class Somebody:
    """What a formula may know of a person, without a database."""

    holds: Mapping[str, Value | None] = field(default_factory=dict)
    manager: Mapping[str, Value | None] | None = None
    groups: frozenset[str] = frozenset()

    def attribute(self, name: str) -> Value | None:
        return self.holds[name]

    def attribute_of_manager(self, name: str) -> Value | None:
        return None if self.manager is None else self.manager[name]

    def is_member_of(self, group: str) -> bool:
        return group.casefold() in self.groups


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _leaf(kind: Kind) -> st.SearchStrategy[str]:
    match kind:
        case Kind.NUMBER:
            return st.integers(-5, 50).map(_literal)
        case Kind.FLAG:
            return st.sampled_from(["true", "false", "is_active", 'is_member_of("Sales")'])
        case Kind.LIST:
            return st.just('split(email, "@")')
        case _:
            return st.sampled_from(ATTRIBUTES) | TEXTS.map(_literal)


@st.composite
def _of(draw: st.DrawFn, kind: Kind, depth: int) -> str:
    fitting = [f for f in FUNCTIONS.values() if f.gives is kind]
    if not depth or not fitting or draw(st.booleans()):
        return draw(_leaf(kind))
    return draw(_call(draw(st.sampled_from(fitting)), depth))


@st.composite
def _call(draw: st.DrawFn, function: Function, depth: int) -> str:
    most = len(function.parameters) + 2 * function.endless
    arguments = []
    for number in range(draw(st.integers(function.least, most))):
        parameter = function.parameter(number)
        assert parameter is not None
        if function.name == "manager":
            arguments.append(draw(st.sampled_from(ATTRIBUTES)))
        elif parameter.literal:
            arguments.append('"YYYY-MM-DD"')
        else:
            kind = draw(st.sampled_from(sorted(parameter.kinds - {Kind.MIXED})))
            arguments.append(draw(_of(kind, depth - 1)))
    return f"{function.name}({', '.join(arguments)})"


def formulas() -> st.SearchStrategy[str]:
    """Right ones, of up to four functions inside each other."""
    return st.sampled_from(sorted(FUNCTIONS.values(), key=lambda function: function.name)).flatmap(
        lambda function: _call(function, 4)
    )


def people() -> st.SearchStrategy[Somebody]:
    held = TEXTS.map(lambda text: text or None)
    holds = st.fixed_dictionaries(dict.fromkeys(ATTRIBUTES, held)).map(
        lambda found: {**found, "is_active": True}
    )
    groups = st.sampled_from([frozenset[str](), frozenset({"sales"})])
    return st.builds(Somebody, holds, st.none() | holds, groups)
