"""What a service holds, asked over plain HTTP with nothing of the product in between."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.interop.targets.base import TOKEN

CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_PAGE = 50

Document = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """One account as it is there: its values by mapping target, those without a value left out."""

    id: str
    active: bool
    values: Mapping[str, str]
    document: Document = field(repr=False, compare=False)

    @property
    def username(self) -> str:
        return self.values.get("userName", "")


@dataclass(frozen=True)
class HeldGroup:
    """One group as it is there; `members` are the ids of accounts, one that stands twice twice."""

    id: str
    name: str
    members: tuple[str, ...]


class Service:
    """A service as its own administrator would look at it."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        # The ids of those that were made by hand.
        self._made: set[str] = set()
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"

    def users(self, names: Iterable[str] = ()) -> dict[str, Held]:
        """Every account by its id. What a list says of its own length is not believed.

        Where the list does not show all that were made by hand, each of those is asked for, and a
        search is made for each of the names.
        """
        found = {key: _held(document) for key, document in self._listed("/Users").items()}
        hidden = self._made - found.keys()
        for key in hidden:
            found[key] = _held(self._ask("GET", f"/Users/{key}"))
        for name in names if hidden else ():
            query = {"filter": f"userName eq {json.dumps(name, ensure_ascii=False)}"}
            page = self._ask("GET", "/Users", params=query)
            found |= {str(each["id"]): _held(each) for each in page.get("Resources") or []}
        return found

    def groups(self) -> dict[str, HeldGroup]:
        """Every group by its id; there are fewer than a list shows."""
        return {key: _held_group(document) for key, document in self._listed("/Groups").items()}

    def _listed(self, path: str) -> dict[str, Document]:
        found: dict[str, Document] = {}
        start = 1
        while True:
            page = self._ask("GET", path, params={"startIndex": start, "count": _PAGE})
            listed = page.get("Resources") or []
            news = [document for document in listed if str(document["id"]) not in found]
            if not news:
                return found
            found |= {str(document["id"]): document for document in news}
            start += len(listed)

    def add(self, username: str, **attributes: Any) -> Held:
        """An account that somebody makes there by hand."""
        body = {"schemas": [CORE_USER], "userName": username, "active": True, **attributes}
        made = _held(self._ask("POST", "/Users", json=body))
        self._made.add(made.id)
        return made

    def add_group(self, name: str, members: Iterable[str]) -> HeldGroup:
        """A group that somebody makes there by hand, with whom the service puts in it at once."""
        entries = [{"value": member} for member in members]
        body = {"schemas": [CORE_GROUP], "displayName": name, "members": entries}
        made = self._ask("POST", "/Groups", json=body)
        return _held_group(self._ask("GET", f"/Groups/{made['id']}"))

    def close(self) -> None:
        self._session.close()

    def _ask(self, method: str, path: str, **options: Any) -> Document:
        headers = {"Content-Type": "application/scim+json"} if "json" in options else {}
        reply = self._session.request(
            method, self._base_url + path, headers=headers, timeout=30, **options
        )
        reply.raise_for_status()
        body: Document = reply.json()
        return body


def _held(document: Document) -> Held:
    name = document.get("name") or {}
    enterprise = document.get(ENTERPRISE_USER) or {}
    values = {
        "userName": document.get("userName"),
        "name.givenName": name.get("givenName"),
        "name.familyName": name.get("familyName"),
        "displayName": document.get("displayName"),
        "title": document.get("title"),
        'emails[type eq "work"].value': _entry(document, "emails", "work"),
        'emails[type eq "home"].value': _entry(document, "emails", "home"),
        'phoneNumbers[type eq "work"].value': _entry(document, "phoneNumbers", "work"),
        "locale": document.get("locale"),
        "timezone": document.get("timezone"),
        f"{ENTERPRISE_USER}:department": enterprise.get("department"),
        f"{ENTERPRISE_USER}:organization": enterprise.get("organization"),
        f"{ENTERPRISE_USER}:employeeNumber": enterprise.get("employeeNumber"),
    }
    return Held(
        id=str(document["id"]),
        active=document.get("active") is not False,
        values={target: str(value) for target, value in values.items() if value},
        document={key: value for key, value in document.items() if key != "meta"},
    )


def _held_group(document: Document) -> HeldGroup:
    members = [str(entry["value"]) for entry in document.get("members") or []]
    return HeldGroup(str(document["id"]), str(document.get("displayName")), tuple(sorted(members)))


def _entry(document: Document, attribute: str, kind: str) -> str | None:
    """The value of this type; two of one type are shown side by side, so that they differ."""
    entries = [entry for entry in document.get(attribute) or [] if entry.get("type") == kind]
    return " and ".join(str(entry.get("value")) for entry in entries) or None
