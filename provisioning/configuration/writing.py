"""Writes a configuration as YAML, always in one order and form, so that two can be compared."""

from typing import Any

import yaml

from provisioning import connectors
from provisioning.configuration.document import Document, Entry
from provisioning.configuration.reading import FORMAT, ONLY, VERSION
from provisioning.configuration.shape import APPS, ROW_FIELDS
from provisioning.configuration.stored import secrets_of

_HEAD = """\
# Applications, their mappings and the policies of Gatehouse, for reading and for another Gatehouse.
# People, who is in which group, accounts and secrets are not in it.
# Look first at what would change: manage.py import-config FILE --plan
"""
_SECRETS = "# To be entered afterwards on the page of each application, as no file holds it:\n"
_PART = "# Only “{}”: nothing else is touched by it.\n"


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """What is in a list stands further in than its name, as most people write it."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_text(document: Document) -> str:
    """The whole file, with what has to be known about it in comments at the top."""
    body = yaml.dump(
        as_values(document),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        # No line is broken: a change of one value is a change of one line.
        width=1_000_000,
    )
    return _head(document) + body


def as_values(document: Document) -> dict[str, Any]:
    """The same for programs."""
    only = {ONLY: document.only} if document.only else {}
    apps = {name: _short(entry) for name, entry in document.sections[APPS].items()}
    return {FORMAT: VERSION, **only, **document.sections, APPS: apps}


def _short(entry: Entry) -> Entry:
    """Of each row only what is other than in a new one: else a mapping is long to read."""
    return entry | {
        name: [
            {key: row[key] for key in row if row[key] != fields[key].default} for row in entry[name]
        ]
        for name, fields in ROW_FIELDS.items()
    }


def _head(document: Document) -> str:
    lines = [
        f"#   {_in_one_line(name)}: {', '.join(labels)}\n"
        for name, entry in document.sections[APPS].items()
        if (labels := _labels(entry))
    ]
    part = _PART.format(_in_one_line(document.only)) if document.only else ""
    return _HEAD + part + (_SECRETS if lines else "") + "".join(lines)


def _labels(entry: dict[str, Any]) -> list[str]:
    kind = connectors.catalogue()[entry["connector"]]
    return [setting.label for setting in secrets_of(kind, entry["settings"])]


def _in_one_line(name: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in name)
