"""Tells, on every page that deletes, what will happen to whom before it happens."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from provisioning.models import Account, Origin, PushedGroup
from provisioning.plan import Feature


class SaysWhatWillHappen(ModelAdmin):
    """Adds the consequences to the confirmation of one deletion and of many."""

    delete_confirmation_template = "provisioning/delete_confirmation.html"
    delete_selected_confirmation_template = "provisioning/delete_selected_confirmation.html"

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        raise NotImplementedError

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        told = self.consequences(request, [found]) if found else []
        return super().delete_view(
            request, object_id, {**(extra_context or {}), "consequences": told}
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context is not None and "deletable_objects" in context:
            chosen = list(context["queryset"])
            context["consequences"] = self.consequences(request, chosen)
        return response


def tell_what_follows(request: HttpRequest, accounts: QuerySet[Account]) -> None:
    """After a save: that the applications follow by themselves, and where to watch it."""
    due = accounts.filter(due_at__isnull=False).order_by("app__name")
    apps = list(due.values_list("app__name", flat=True).distinct()[:5])
    if not apps:
        return
    report = reverse("admin:reports_provisioningreport_changelist")
    messages.info(
        request,
        format_html(
            'Accounts in {} follow by themselves within seconds. <a href="{}">See the report</a>.',
            ", ".join(apps),
            report,
        ),
    )


def lost_groups(groups: Sequence[int]) -> list[str]:
    """What becomes of these groups in the applications that get them, should they be deleted."""
    pushed = PushedGroup.objects.filter(group__in=groups, remote_id__isnull=False)
    return [
        f"The group “{each.name}” {_what_becomes(each)} {each.app}."
        for each in pushed.select_related("app").order_by("app__name", "name_key")
    ]


def _what_becomes(pushed: PushedGroup) -> str:
    if pushed.origin == Origin.ADOPTED:
        return "loses whom Gatehouse keeps in it, and stays, in"
    if Feature.DELETE_GROUPS in pushed.app.features:
        return "will be deleted in"
    return "is left as it is in"
