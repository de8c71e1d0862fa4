"""Works a formula out for one person, within limits that no formula can get around."""

from functools import partial
from typing import Protocol

from provisioning.expressions.functions import ATTRIBUTE_OF_MANAGER, GROUP, UNIQUE, Parameter
from provisioning.expressions.tree import Attribute, Call, Expression, Literal, Node
from provisioning.expressions.values import (
    MOST_WORK,
    EvaluationError,
    Held,
    Value,
    checked,
    size,
    text,
)


class Person(Protocol):
    """What a formula may ask about the person; nothing else can be reached from it."""

    def attribute(self, name: str) -> Value | None:
        """Raises KeyError if there is no such attribute."""

    def attribute_of_manager(self, name: str) -> Value | None:
        """None without a manager. Raises KeyError if there is no such attribute."""

    def is_member_of(self, group: str) -> bool: ...


def evaluate(expression: Expression, person: Person, *, number: int = 1) -> Held:
    """The value for this person, None if it is empty; of a formula that is a list, a tuple.

    `number` says which of the values that unique() may give: 1 is the one without a number.
    Raises EvaluationError, and KeyError for an attribute that does not exist.
    """
    return _Work(person, number).out(expression.root)


class _Work:
    """One working out, and how much it has made so far."""

    def __init__(self, person: Person, number: int) -> None:
        self.person = person
        self.number = number
        self.made = 0

    def out(self, node: Node) -> Held:
        match node:
            case Literal():
                found: Held = node.value
            case Attribute():
                found = self.person.attribute(node.name)
            case Call():
                found = self._called(node)
        value = checked(found)
        self.made += size(value)
        if self.made > MOST_WORK:
            raise EvaluationError("The formula makes too many long texts on its way. Shorten it.")
        return value

    def _called(self, call: Call) -> Held:
        function, arguments = call.function, call.arguments
        if function.name == GROUP and isinstance(arguments[0], Literal):
            return self.person.is_member_of(str(arguments[0].value))
        if function.name == ATTRIBUTE_OF_MANAGER and isinstance(arguments[0], Attribute):
            return self.person.attribute_of_manager(arguments[0].name)
        if function.lazy:
            return function.run(*(partial(self.out, argument) for argument in arguments))
        values = [self.out(argument) for argument in arguments]
        if not function.takes_empty and None in values:
            return None
        if function.name == UNIQUE:
            return text(values[0]) + (str(self.number) if self.number > 1 else "")
        return function.run(*map(_as_asked, call.parameters, values))


def _as_asked(parameter: Parameter, value: Held) -> Held:
    """A value of which only now the kind is known, as the text that the function takes."""
    return text(value) if parameter.is_text and value is not None else value
