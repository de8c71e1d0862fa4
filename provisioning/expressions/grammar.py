"""Reads the text of a formula and points at the character that is wrong.

    formula   = value
    value     = text / number / "true" / "false" / attribute / call
    call      = function "(" [ value *( "," value ) ] ")"
    attribute = name [ "." name ]                         such as first_name, custom.cost_center

Text and numbers are those of JSON; blanks may stand anywhere between. There are no operators, and
nothing in a formula repeats, so that its size limits its time.
"""

import json
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final

from provisioning.expressions.functions import (
    ATTRIBUTE_OF_MANAGER,
    FUNCTIONS,
    Function,
    Parameter,
)
from provisioning.expressions.tree import Attribute, Call, Expression, Literal, Node, did_you_mean
from provisioning.expressions.values import ExpressionError, Kind
from provisioning.reader import OTHER_QUOTES, Reader, is_control

LONGEST: Final = 1_000
DEEPEST: Final = 20
# Names that an attribute and a function share.
_BOTH = frozenset({"title", "manager"})

_BLANK = frozenset(" \t\n\r")
_FIRST = frozenset(ascii_letters + "_")
_NAME = _FIRST | frozenset(digits) | {"."}
_NUMBER = frozenset(digits + "+-.eE")
_OPERATORS = frozenset("+&|=!<>*/%?:^~")

_TOO_LONG = f"A formula has at most {LONGEST:,} characters, and this one is longer. Shorten it."
_TOO_DEEP = f"More than {DEEPEST} functions stand inside each other here. Make it simpler."
_HIDDEN = "A hidden character stands here. Type the formula by hand instead of pasting it."
_EXAMPLE = 'concat(first_name, " ", last_name)'


class _Reader(Reader):
    """Knows how deep inside functions it is."""

    depth = 0

    def skip(self) -> str:
        """The character that comes after any blanks."""
        self.take(_BLANK)
        return self.next


# The same few formulas are read for every account.
@lru_cache(maxsize=1_000)
def parse(text: str) -> Expression:
    """The formula, understood. Raises ExpressionError, nothing else."""
    _refuse_unreadable(text)
    reader = _Reader(text, ExpressionError)
    root = _value(reader)
    if reader.skip():
        raise reader.wrong(_leftover(reader))
    return Expression(text, root)


def _refuse_unreadable(text: str) -> None:
    if not text.strip():
        raise ExpressionError(text, 0, f"The formula is empty. Write one, for example {_EXAMPLE}.")
    if len(text) > LONGEST:
        raise ExpressionError(text, LONGEST, _TOO_LONG)
    for position, character in enumerate(text):
        if character not in _BLANK and is_control(character):
            raise ExpressionError(text, position, _HIDDEN)


def _value(reader: _Reader) -> Node:
    """value = text / number / "true" / "false" / attribute / call"""
    start, character = _start(reader)
    if character == '"':
        return Literal(_text(reader), start)
    if character in digits or character == "-":
        return Literal(_number(reader), start)
    if character not in _FIRST:
        raise reader.wrong(_stray(reader))
    word = reader.take(_NAME)
    if reader.skip() == "(":
        return _call(reader, word, start)
    reader.position = start + len(word)
    if word in {"true", "false"}:
        return Literal(word == "true", start)
    if word in FUNCTIONS and word not in _BOTH:
        raise reader.wrong(f"A bracket is missing here: {FUNCTIONS[word].signature}")
    return Attribute(word, start)


def _start(reader: _Reader) -> tuple[int, str]:
    character = reader.skip()
    if not character:
        raise reader.wrong(f"A value is missing here, as in {_EXAMPLE}.")
    return reader.position, character


def _call(reader: _Reader, name: str, start: int) -> Call:
    """call = function "(" [ value *( "," value ) ] ")" """
    function = FUNCTIONS.get(name)
    if function is None:
        near = did_you_mean(name.lower(), FUNCTIONS)
        raise reader.wrong(f"There is no function “{name}”.{near}", at=start)
    reader.depth += 1
    if reader.depth > DEEPEST:
        raise reader.wrong(_TOO_DEEP, at=start)
    reader.position += 1
    arguments: list[Node] = []
    while reader.skip() != ")" or arguments:
        arguments.append(_argument(reader, function, len(arguments)))
        if reader.skip() == ")":
            break
        if reader.next != ",":
            raise reader.wrong(_between(reader, function))
        reader.position += 1
    if len(arguments) < function.least:
        raise reader.wrong(f"{_needs(function)} More is missing here.")
    reader.position += 1
    reader.depth -= 1
    return Call(function, tuple(arguments), start)


def _argument(reader: _Reader, function: Function, number: int) -> Node:
    start, character = _start(reader)
    if character in ",)":
        raise reader.wrong(f"A value is missing here. {_needs(function)}")
    parameter = function.parameter(number)
    if parameter is None:
        raise reader.wrong(f"{_needs(function)} Here is one value too many.")
    node = _value(reader)
    if node.kind not in parameter.kinds:
        raise reader.wrong(_other_kind(function, parameter, node), at=start)
    if parameter.literal:
        _check_literal(reader, function, parameter, node)
    if function.name == ATTRIBUTE_OF_MANAGER:
        _check_attribute_of_manager(reader, node)
    return node


def _check_literal(reader: _Reader, function: Function, parameter: Parameter, node: Node) -> None:
    if not isinstance(node, Literal):
        problem = f"Write “{parameter.name}” of {function.name}() out, in double quotes."
    else:
        problem = parameter.wrong(str(node.value))
    if problem:
        raise reader.wrong(problem, at=node.position)


def _check_attribute_of_manager(reader: _Reader, node: Node) -> None:
    if not isinstance(node, Attribute):
        problem = "Name one attribute of the manager without quotes, as in manager(email)."
        raise reader.wrong(problem, at=node.position)
    if node.name in {"manager", "manager_account", "login_method"}:
        problem = f"“{node.name}” of the manager is not known here. Choose another attribute."
        raise reader.wrong(problem, at=node.position)


def _other_kind(function: Function, parameter: Parameter, node: Node) -> str:
    wanted = min(parameter.kinds - {Kind.MIXED}) if len(parameter.kinds) < 4 else "one value"
    return (
        f"“{parameter.name}” of {function.name}() is {wanted}, and this is {node.kind}. "
        f"{_hint(parameter, node)}"
    )


def _hint(parameter: Parameter, node: Node) -> str:
    if Kind.FLAG in parameter.kinds and Kind.TEXT not in parameter.kinds:
        return 'Ask about it, as in equals(department, "Sales").'
    if node.kind is Kind.LIST:
        return "Take one of the list with item()."
    if Kind.LIST in parameter.kinds:
        return 'Make a list of it, as in split(email, "@").'
    if Kind.NUMBER in parameter.kinds:
        return "Write a number without quotes, or use number()."
    return "Put it in double quotes." if isinstance(node, Literal) else "Use a text here."


def _needs(function: Function) -> str:
    return f"It is written {function.signature}."


def _between(reader: _Reader, function: Function) -> str:
    """What to say where a comma or a closing bracket should stand."""
    if not reader.next:
        return f"A closing bracket “)” is missing here. {_needs(function)}"
    if reader.next in _OPERATORS:
        return _no_operators(reader.next)
    if not reader.next.isprintable():
        return _HIDDEN
    return f"A comma or a closing bracket is missing here. {_needs(function)}"


def _no_operators(character: str) -> str:
    return (
        f"“{character}” has no meaning here: everything is done by functions, as in {_EXAMPLE} or "
        'if(equals(department, "Sales"), "yes", "no").'
    )


def _number(reader: _Reader) -> int | float:
    """number = as in JSON (RFC 8259 section 6)"""
    start = reader.position
    word = reader.take(_NUMBER)
    try:
        number = json.loads(word)
    except ValueError:
        number = None
    # json makes infinity of 1e999.
    if not isinstance(number, int | float) or number - number != 0 or reader.next in _FIRST:
        raise reader.wrong(
            'Write a number as 12 or 1.5, and anything else in double quotes: "12a".', at=start
        )
    return number


def _text(reader: _Reader) -> str:
    """text = a string as in JSON (RFC 8259 section 7)"""
    start = reader.position
    try:
        value, reader.position = json.JSONDecoder().raw_decode(reader.text, start)
    except json.JSONDecodeError as error:
        problem = 'A backslash stands only before " or another backslash: write \\\\ for one.'
        if error.pos == start:
            problem = 'This text has no closing quote. Write a " behind it, as in "Sales".'
        elif reader.text[error.pos : error.pos + 1] in _BLANK:
            problem = "A text stands on one line. Remove the line break, or close the quotes."
        raise reader.wrong(problem, at=error.pos) from None
    if any(map(is_control, value)):
        raise reader.wrong("This text holds a hidden character. Write it without.", at=start)
    return str(value)


def _stray(reader: _Reader) -> str:
    """What to say of a character where a value should begin."""
    character = reader.next
    if character in OTHER_QUOTES:
        return 'Use straight double quotes: "Sales".'
    if character in _OPERATORS:
        return _no_operators(character)
    if not character.isprintable():
        return _HIDDEN
    return (
        f"“{character}” cannot stand here. Write an attribute such as first_name, a text in double "
        f"quotes, or a function, as in {_EXAMPLE}."
    )


def _leftover(reader: _Reader) -> str:
    """What to say of a character where the formula should end."""
    if reader.next == ")":
        return "No bracket is open here. Remove this one."
    if reader.next in _OPERATORS:
        return _no_operators(reader.next)
    if not reader.next.isprintable():
        return _HIDDEN
    return f"The formula has ended before this. To put values together, write {_EXAMPLE}."
