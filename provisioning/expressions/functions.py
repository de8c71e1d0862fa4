"""The functions of the language: what each needs, what it gives, and what it does.

The guide (docs/guides/mapping.md) has an example of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.expressions import dates, texts
from provisioning.expressions.values import (
    Held,
    Kind,
    text,
)

_ANY = frozenset({Kind.TEXT, Kind.NUMBER, Kind.FLAG, Kind.MIXED})
_TEXT = frozenset({Kind.TEXT, Kind.MIXED})
_NUMBER = frozenset({Kind.NUMBER})
_FLAG = frozenset({Kind.FLAG})
_LIST = frozenset({Kind.LIST})
_PIECES = _ANY | _LIST

Kinds = Sequence[Kind]
Later = Callable[[], Held]


@dataclass(frozen=True)
class Parameter:
    """One argument. `literal` ones are written out in the formula: never worked out."""

    name: str
    kinds: frozenset[Kind]
    literal: bool = False
    # What is wrong with a literal text, "" if nothing is.
    wrong: Callable[[str], str] = lambda literal: ""

    @property
    def is_text(self) -> bool:
        return self.kinds == _TEXT


@dataclass(frozen=True)
class Function:
    """One function of the language.

    `needed` arguments must be there; with `endless` the last ones come as often as one likes.
    An argument of a `lazy` one is only worked out when it is asked for. The result of any other is
    empty as soon as one of its arguments is, unless it `takes_empty` ones.
    """

    name: str
    parameters: tuple[Parameter, ...]
    does: str
    run: Callable[..., Held]
    gives: Kind | Callable[[Kinds], Kind] = Kind.TEXT
    needed: int | None = None
    endless: int = 0
    lazy: bool = False
    takes_empty: bool = False

    @property
    def least(self) -> int:
        return len(self.parameters) if self.needed is None else self.needed

    @property
    def signature(self) -> str:
        """As it is written: replace(text, what, with)."""
        names = [each.name for each in self.parameters]
        for number in range(self.least, len(names)):
            names[number] = f"[{names[number]}]"
        return f"{self.name}({', '.join([*names, *(['…'] if self.endless else [])])})"

    def parameter(self, number: int) -> Parameter | None:
        """What the argument with this number is, from 0; None if there are too many."""
        if number < len(self.parameters):
            return self.parameters[number]
        if not self.endless:
            return None
        last = self.parameters[-self.endless :]
        return last[(number - len(self.parameters)) % self.endless]

    def result(self, kinds: Kinds) -> Kind:
        return self.gives if isinstance(self.gives, Kind) else self.gives(kinds)


def common(kinds: Kinds) -> Kind:
    """The one kind that all of them are, if it is one."""
    return kinds[0] if len(set(kinds)) == 1 else Kind.MIXED


# ------------------------------------------------------------------------------------- choosing


def _coalesce(*values: Later) -> Held:
    for value in values:
        found = value()
        if found is not None:
            return found
    return None


def _if(condition: Later, then: Later, otherwise: Later = lambda: None) -> Held:
    return then() if condition() else otherwise()


def _switch(value: Later, *cases: Later) -> Held:
    wanted = value()
    for number in range(0, len(cases) - 1, 2):
        if _equals(wanted, cases[number]()):
            return cases[number + 1]()
    return cases[-1]() if len(cases) % 2 else None


def _switched(kinds: Kinds) -> Kind:
    cases = kinds[1:]
    return common([*cases[1::2], *([cases[-1]] if len(cases) % 2 else [])])


def _and(*conditions: Later) -> bool:
    return all(condition() for condition in conditions)


def _or(*conditions: Later) -> bool:
    return any(condition() for condition in conditions)


# ------------------------------------------------------------------------------------ questions


def _key(value: Held) -> str:
    return text(value).casefold()


def _equals(one: Held, other: Held) -> bool:
    return _key(one) == _key(other)


def _contains(value: Held, part: Held) -> bool:
    return part is not None and _key(part) in _key(value)


def _starts_with(value: Held, part: Held) -> bool:
    return part is not None and _key(value).startswith(_key(part))


def _ends_with(value: Held, part: Held) -> bool:
    return part is not None and _key(value).endswith(_key(part))


def _incomplete(pattern: str) -> str:
    if dates.is_complete(pattern):
        return ""
    return 'A date is written with YYYY, MM and DD, each once, as in "DD.MM.YYYY".'


def _asked_elsewhere(*_: Any) -> Held:
    """What is known of the person, the evaluation asks itself."""
    raise NotImplementedError


# ------------------------------------------------------------------------------------ the table

_VALUE = Parameter("value", _ANY)
_WORDS = Parameter("text", _TEXT)
_SEPARATOR = Parameter("separator", _TEXT)
_CONDITION = Parameter("condition", _FLAG)
_COUNT = Parameter("count", _NUMBER)
_PART = Parameter("part", _TEXT)

ATTRIBUTE_OF_MANAGER: Final = "manager"
UNIQUE: Final = "unique"
GROUP: Final = "is_member_of"

_TABLE = (
    Function(
        "coalesce",
        (_VALUE, Parameter("other", _ANY)),
        "the first of these that is not empty",
        _coalesce,
        common,
        endless=1,
        lazy=True,
    ),
    Function(
        "if",
        (_CONDITION, Parameter("then", _ANY), Parameter("otherwise", _ANY)),
        "one value if the condition is true, and another if it is not",
        _if,
        lambda kinds: common(kinds[1:]),
        needed=2,
        lazy=True,
    ),
    Function(
        "switch",
        (_VALUE, Parameter("case", _ANY), Parameter("result", _ANY)),
        "the result behind the case that the value equals; one more at the end is for all others",
        _switch,
        _switched,
        endless=2,
        lazy=True,
    ),
    Function("lower", (_WORDS,), "in small letters", str.lower),
    Function("upper", (_WORDS,), "in capital letters", str.upper),
    Function("title", (_WORDS,), "each word with a capital letter", texts.title),
    Function("trim", (_WORDS,), "without blanks at its beginning and end", str.strip),
    Function(
        "strip_accents",
        (_WORDS,),
        "without accents, for applications that take none",
        texts.strip_accents,
    ),
    Function("digits", (_WORDS,), "only its digits", texts.digits),
    Function(
        "replace",
        (_WORDS, Parameter("what", _TEXT), Parameter("with", _TEXT)),
        "with one piece of text put in place of another, everywhere",
        lambda value, what, new: (
            None
            if value is None
            else texts.replace(text(value), text(what), new)
            if what
            else value
        ),
        takes_empty=True,
    ),
    Function(
        "concat",
        (_VALUE,),
        "put together without anything between; empty as soon as one of them is",
        texts.concat,
        endless=1,
    ),
    Function(
        "join",
        (_SEPARATOR, Parameter("value", _PIECES)),
        "put together with the separator between; empty ones are left out",
        texts.join,
        endless=1,
        takes_empty=True,
    ),
    Function(
        "list",
        (Parameter("value", _PIECES),),
        "a list of these; empty ones are left out",
        texts.listed,
        Kind.LIST,
        endless=1,
        takes_empty=True,
    ),
    Function(
        "split", (_WORDS, _SEPARATOR), "a list of what stands between", texts.split, Kind.LIST
    ),
    Function(
        "item",
        (Parameter("list", _LIST), Parameter("number", _NUMBER)),
        "one of a list: 1 is the first, -1 the last",
        texts.item,
    ),
    Function(
        "before",
        (_WORDS, _SEPARATOR),
        "what stands before the separator, or everything",
        texts.before,
    ),
    Function(
        "after", (_WORDS, _SEPARATOR), "what stands behind the separator, or nothing", texts.after
    ),
    Function("left", (_WORDS, _COUNT), "so many characters from the beginning", texts.left),
    Function("right", (_WORDS, _COUNT), "so many characters from the end", texts.right),
    Function(
        "middle",
        (_WORDS, Parameter("start", _NUMBER), _COUNT),
        "so many characters from a place on, the first being 1",
        texts.middle,
    ),
    Function(
        "length",
        (_VALUE,),
        "how many characters it has",
        texts.length,
        Kind.NUMBER,
        takes_empty=True,
    ),
    Function("number", (_WORDS,), "the number that is written there", texts.number, Kind.NUMBER),
    Function(
        "format_date",
        (
            Parameter("date", _TEXT),
            Parameter("written", _TEXT, literal=True, wrong=_incomplete),
            Parameter("wanted", _TEXT, literal=True),
        ),
        "a date written in another way, with YYYY, MM and DD",
        dates.convert,
    ),
    Function(
        "equals",
        (_VALUE, Parameter("other", _ANY)),
        "whether both are the same; small and capital letters count as the same",
        _equals,
        Kind.FLAG,
        takes_empty=True,
    ),
    Function(
        "contains",
        (_WORDS, _PART),
        "whether the part stands in it",
        _contains,
        Kind.FLAG,
        takes_empty=True,
    ),
    Function(
        "starts_with",
        (_WORDS, _PART),
        "whether it begins with the part",
        _starts_with,
        Kind.FLAG,
        takes_empty=True,
    ),
    Function(
        "ends_with",
        (_WORDS, _PART),
        "whether it ends with the part",
        _ends_with,
        Kind.FLAG,
        takes_empty=True,
    ),
    Function(
        "is_empty",
        (_VALUE,),
        "whether there is nothing",
        lambda value: value is None,
        Kind.FLAG,
        takes_empty=True,
    ),
    Function(
        "not",
        (_CONDITION,),
        "whether the condition is not true",
        lambda condition: not condition,
        Kind.FLAG,
        takes_empty=True,
    ),
    Function(
        "and",
        (_CONDITION, _CONDITION),
        "whether all of them are true",
        _and,
        Kind.FLAG,
        endless=1,
        lazy=True,
    ),
    Function(
        "or",
        (_CONDITION, _CONDITION),
        "whether at least one of them is true",
        _or,
        Kind.FLAG,
        endless=1,
        lazy=True,
    ),
    Function(
        GROUP,
        (Parameter("group", _TEXT, literal=True),),
        "whether the person is in this group",
        _asked_elsewhere,
        Kind.FLAG,
    ),
    Function(
        ATTRIBUTE_OF_MANAGER,
        (Parameter("attribute", _ANY),),
        "an attribute of the person's manager",
        _asked_elsewhere,
    ),
    Function(
        UNIQUE,
        (_WORDS,),
        "with a number behind it where somebody else has the value: 2, 3 and so on",
        _asked_elsewhere,
    ),
)
FUNCTIONS: Final = {function.name: function for function in _TABLE}
