"""The admin pages as an operator meets them: what is shown, and forms filled in and sent."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import reverse

Fields = dict[str, str]

_UNSENT = {"submit", "button", "file", "image", "reset"}


@dataclass
class Page:
    """One page: its HTML, the words on it, and its form as a browser would send it untouched."""

    client: Client
    address: str
    status: int
    html: str
    headers: Any
    context: Any = field(repr=False)
    form: Fields = field(default_factory=dict)

    @property
    def text(self) -> str:
        return words(self.html)

    @property
    def errors(self) -> dict[str, list[str]]:
        """What the form complains about, by field; of the whole form under ""."""
        found = self.context["adminform"].form.errors
        return {key.replace("__all__", ""): list(map(str, said)) for key, said in found.items()}

    def send(self, *, button: str = "_save", **changes: str | None) -> "Page":
        """Press a button after these changes; None unticks or leaves a field out."""
        filled = {**self.form, **changes, button: "1"}
        kept = {name: value for name, value in filled.items() if value is not None}
        return _page(self.client, self.client.post(self.address, kept, follow=True))

    def send_rows(self, *rows: Fields, button: str = "_save", **changes: str | None) -> "Page":
        """The same with new rows in the first table of rows below the form."""
        total = next(name for name in self.form if name.endswith("-TOTAL_FORMS"))
        prefix, count = total.removesuffix("-TOTAL_FORMS"), int(self.form[total])
        added: dict[str, str | None] = {total: str(count + len(rows))}
        for number, row in enumerate(rows, start=count):
            added |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
        return self.send(button=button, **added, **changes)


def visit(client: Client, name: str, *args: Any, **query: Any) -> Page:
    """A page of the admin by the name of its view: `visit(client, "iam_user_add")`."""
    address = reverse(f"admin:{name}", args=args)
    return _page(client, client.get(address, query, follow=True))


def words(source: str) -> str:
    """The text of a page as it is read: no tags, one blank between words."""
    bare = re.sub(r"<(script|style|template)\b.*?</\1>", " ", source, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", bare)).split())


def _page(client: Client, response: Any) -> Page:
    source = response.content.decode()
    reader = _FormReader()
    reader.feed(source)
    asked = response.request
    query = f"?{asked['QUERY_STRING']}" if asked["QUERY_STRING"] else ""
    return Page(
        client,
        asked["PATH_INFO"] + query,
        response.status_code,
        source,
        response.headers,
        response.context,
        reader.fields,
    )


class _FormReader(HTMLParser):
    """The values of the longest form on a page, in the way a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = {}
        self._form: Fields = {}
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        held = {name: value or "" for name, value in attrs}
        name, value = held.get("name", ""), held.get("value", "")
        if tag == "form":
            self._form = {}
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in held or self._select not in self._form:
                self._keep(self._select, value)
        elif tag == "textarea":
            self._textarea = name
            self._keep(name, "")
        elif tag == "input" and held.get("type") not in _UNSENT:
            ticked = held.get("type") not in {"checkbox", "radio"} or "checked" in held
            if ticked:
                self._keep(name, value or ("on" if held.get("type") == "checkbox" else ""))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._form[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "form":
            if len(self._form) > len(self.fields):
                self.fields = self._form
            self._form = {}

    def _keep(self, name: str, value: str) -> None:
        if name and "__prefix__" not in name:
            self._form[name] = value
