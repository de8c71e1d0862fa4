"""A configuration as values: what was read from a file, or what is stored here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from provisioning.configuration.shape import MODELS
from provisioning.configuration.strict_yaml import Place

# Where something stands: ("apps", "Zoom", "attribute_mapping", 2, "source").
Path = tuple[str | int, ...]
# An entry of a section: its fields by their names.
Entry = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what would be right."""

    message: str
    path: Path = ()
    place: Place | None = None

    def __str__(self) -> str:
        where = " › ".join(str(each + 1 if isinstance(each, int) else each) for each in self.path)
        line = f"Line {self.place.line}, column {self.place.column}" if self.place else ""
        told = f"{line} ({where})" if line and where else line or where
        return f"{told}: {self.message}" if told else self.message


class Unusable(Exception):
    """The text is no configuration, for these reasons."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Document:
    """Entries by section and name. `only` is the app that it was exported for, if for just one."""

    sections: dict[str, dict[str, Entry]] = field(
        default_factory=lambda: {section: {} for section in MODELS}
    )
    only: str = ""
    places: dict[Path, Place] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[str, str, Entry]]:
        for section, entries in self.sections.items():
            for name, entry in entries.items():
                yield section, name, entry

    def problem(self, message: str, *path: str | int) -> Problem:
        """About what stands at this path, or else at what it stands in."""
        shown = path
        while shown and shown not in self.places:
            shown = shown[:-1]
        return Problem(message, path, self.places.get(shown))
