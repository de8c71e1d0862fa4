"""A formula that was understood: what it is made of, and whether there is what it names."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from provisioning.expressions.functions import (
    ATTRIBUTE_OF_MANAGER,
    GROUP,
    UNIQUE,
    Function,
    Parameter,
)
from provisioning.expressions.values import ExpressionError, Kind, Value

# The attributes that are yes or no; all others are texts (iam/attributes.py).
FLAGS: Final = frozenset({"is_active"})


@dataclass(frozen=True)
class Literal:
    """A text, a number, true or false, as it stands there."""

    value: Value
    position: int

    @property
    def kind(self) -> Kind:
        if isinstance(self.value, bool):
            return Kind.FLAG
        return Kind.TEXT if isinstance(self.value, str) else Kind.NUMBER


@dataclass(frozen=True)
class Attribute:
    """An attribute of the person, or of the manager."""

    name: str
    position: int

    @property
    def kind(self) -> Kind:
        return Kind.FLAG if self.name in FLAGS else Kind.TEXT


@dataclass(frozen=True)
class Call:
    function: Function
    arguments: tuple["Node", ...]
    position: int

    @property
    def parameters(self) -> list[Parameter]:
        """What each of the arguments is to the function."""
        found = map(self.function.parameter, range(len(self.arguments)))
        return [parameter for parameter in found if parameter]

    @property
    def kind(self) -> Kind:
        if self.function.name == ATTRIBUTE_OF_MANAGER:
            return self.arguments[0].kind
        return self.function.result([argument.kind for argument in self.arguments])


Node = Literal | Attribute | Call


@dataclass(frozen=True)
class Expression:
    """A formula that can be worked out for any person."""

    text: str
    root: Node

    @property
    def attributes(self) -> list[Attribute]:
        """The attributes that it reads, of the person and of the manager."""
        return [node for node in _nodes(self.root) if isinstance(node, Attribute)]

    @property
    def groups(self) -> list[Literal]:
        """The names of the groups that it asks about."""
        return [
            argument
            for node in _nodes(self.root)
            if isinstance(node, Call) and node.function.name == GROUP
            for argument in node.arguments
            if isinstance(argument, Literal)
        ]

    @property
    def is_unique(self) -> bool:
        """Whether it has one value after the other to choose from."""
        calls = (node for node in _nodes(self.root) if isinstance(node, Call))
        return any(call.function.name == UNIQUE for call in calls)

    def refuse_list(self) -> None:
        """Raise ExpressionError if it gives several values."""
        if self.root.kind is Kind.LIST:
            problem = (
                "This makes a list, and this attribute takes one value. Take one of the list with "
                "item(), or put it together with join()."
            )
            raise ExpressionError(self.text, self.root.position, problem)

    def refuse_unknown(self, *, attributes: Collection[str], groups: Collection[str]) -> None:
        """Raise ExpressionError at the first attribute or group that does not exist."""
        for found in self.attributes:
            if found.name not in attributes:
                problem = f"People have no attribute “{found.name}”.{_instead(found, attributes)}"
                raise ExpressionError(self.text, found.position, problem)
        names = {name.casefold() for name in groups}
        for literal in self.groups:
            if str(literal.value).casefold() not in names:
                near = did_you_mean(str(literal.value), groups)
                problem = f"There is no group “{literal.value}”.{near}"
                raise ExpressionError(self.text, literal.position, problem)


def _nodes(node: Node) -> list[Node]:
    inside = node.arguments if isinstance(node, Call) else ()
    return [node, *(found for argument in inside for found in _nodes(argument))]


def _instead(found: Attribute, attributes: Collection[str]) -> str:
    near = did_you_mean(found.name.lower(), attributes)
    return near or f' If it is a text, put it in double quotes: "{found.name}".'


def did_you_mean(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean “{near[0]}”?" if near else ""
