"""The page that shows what an attribute mapping gives one person, before anything is saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from iam.models import User
from iam.text import counted, sought
from provisioning import access, evidence, mapping, uniqueness, wording
from provisioning.echoes import MASK
from provisioning.errors import Rejected
from provisioning.masking import Masking
from provisioning.models import Account, App, Apply, Mapping, SourceKind, WhenEmpty
from provisioning.plan import Value, difference

PREFIX = "mappings"
_SHOWN = 8


@dataclass(frozen=True)
class Line:
    """One row of the mapping for the chosen person; `mark` is the colour of the verdict."""

    target: str
    source: str
    value: str
    verdict: str
    mark: str = "skipped"
    error: str = ""
    formula: str = ""


def page(model_admin: ModelAdmin, request: HttpRequest, app: App, formset: Any) -> TemplateResponse:
    """For the rows of the form that was sent, or those that are stored."""
    if not request.user.has_perm("iam.view_user"):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    rows, refused = _rows(app, formset)
    found = _people(app, asked.get("person", ""), chosen=asked.get("chosen", ""))
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"Preview of the attribute mapping of {app}",
        "app": app,
        "sought": asked.get("person", ""),
        "others": found[1:],
        # Of what was typed on the app's page only the rows: a secret is never shown again.
        "kept": [(name, asked[name]) for name in asked if name.startswith(f"{PREFIX}-")],
        "refused": refused,
    }
    if found:
        context |= _told(app, rows, found[0])
    return TemplateResponse(request, "provisioning/preview.html", context)


def _rows(app: App, formset: Any) -> tuple[list[Mapping], list[Line]]:
    """The rows as they would be saved, and those that would not be."""
    if formset is None:
        return list(app.mappings.of_people()), []
    formset.is_valid()
    kept = [
        form
        for form in formset.forms
        if (form.instance.pk or form.has_changed()) and not form.cleaned_data.get("DELETE")
    ]
    return [form.instance for form in kept if not form.errors], [
        Line(str(form["target"].value() or "–"), "", "", "Cannot be saved", "failed", error)
        for form in kept
        for errors in form.errors.values()
        for error in errors
    ]


def _people(app: App, name: str, *, chosen: str) -> list[User]:
    """The person to show, and after that others who were perhaps meant."""
    users = User.objects.select_related("manager")
    if chosen.isdecimal():
        return list(users.filter(pk=int(chosen))[:1])
    if name.strip():
        begins = Q(username_key__startswith=sought(name.strip()))
        begins |= Q(first_name__istartswith=name.strip()) | Q(last_name__istartswith=name.strip())
        return list(users.filter(begins)[:_SHOWN])
    entitled = access.entitled(app).select_related("manager")
    return list(entitled[:_SHOWN] or users[:_SHOWN])


def _told(app: App, rows: Sequence[Mapping], user: User) -> dict[str, Any]:
    theirs = Account.objects.filter(app=app, user=user).first()
    key = theirs.pk if theirs is not None else None
    person = uniqueness.known(rows, {user: key}, app=app)[user.pk]
    account = theirs if theirs is not None and theirs.remote_id is not None else None
    labels = {attribute.key: attribute.label for attribute in mapping.catalogue()}
    masking = evidence.masking(rows)
    return {
        "person": user,
        "lines": [_line(row, person, app, account, labels, masking) for row in rows],
        **_summary(app, rows, person, account),
    }


def _summary(
    app: App, rows: Sequence[Mapping], person: mapping.Person, account: Account | None
) -> dict[str, Any]:
    """What would become of the account as a whole."""
    name = person.user
    try:
        desired = mapping.render(
            rows, person, kind=app.kind, app=app.name, creating=account is None
        )
    except Rejected as error:
        return {"problem": str(error)}
    given = access.entitled(app).filter(pk=name.pk).exists()
    if not given:
        return {"summary": f"No policy gives {name} an account in {app}. It would hold this."}
    if account is None:
        return {"summary": f"{name} has no account in {app} yet. It would be created with this."}
    count = len(difference(account.applied, desired))
    if not count:
        return {"summary": f"The account of {name} in {app} would stay as it is."}
    values = counted(count, "value")
    return {"summary": f"{values} of the account of {name} in {app} would change."}


def _line(
    row: Mapping,
    person: mapping.Person,
    app: App,
    account: Account | None,
    labels: dict[str, str],
    masking: Masking,
) -> Line:
    formula = row.source if row.kind == SourceKind.EXPRESSION else ""
    written = row.kind != SourceKind.ATTRIBUTE
    source = SourceKind(row.kind).label if written else labels.get(row.source, row.source)
    line = partial(Line, row.target, source, formula=formula)
    if account is not None and row.apply == Apply.CREATE:
        return line("", "Stays: filled in at creation")
    try:
        found = mapping.shaped(mapping.value(row, person, app=app.name), app.kind, row.target)
    except Rejected as error:
        return line("", "No value", "failed", str(error))
    if row.target == app.kind.active_target:
        found = True
    if found is None and row.when_empty == WhenEmpty.LEAVE:
        return line("", "Empty: stays as it is there")
    hidden = masking.hides(row.target)
    old = account.applied.get(row.target) if account else None
    verdict, mark = _verdict(found, old, hidden=hidden)
    return line(_shown(found, hidden=hidden), verdict, mark)


def _verdict(new: Value | None, old: Value | None, *, hidden: bool) -> tuple[str, str]:
    if new == old:
        return ("Empty" if new is None else "Unchanged"), "skipped"
    if old is None:
        return "Is filled in", "done"
    was = wording.short(_shown(old, hidden=hidden))
    return (f"Is cleared, was “{was}”" if new is None else f"Changes from “{was}”"), "retrying"


def _shown(value: Value | None, *, hidden: bool) -> str:
    if hidden and value is not None:
        return MASK
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)
