"""Policies: which group gets which application."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from iam.admin.people import Choosing
from iam.meanwhile import NothingOverwritten
from provisioning import access
from provisioning.admin.consequences import SaysWhatWillHappen, tell_what_follows
from provisioning.losses import sentences
from provisioning.models import Account, Policy


@admin.register(Policy)
class PolicyAdmin(Choosing, SaysWhatWillHappen, NothingOverwritten):
    list_display = ["name", "app", "group", "login_method", "people", "enabled_label"]
    list_filter = ["app", "enabled", "login_method"]
    list_select_related = ["app", "group"]
    search_fields = ["name", "group__name_key__startswith"]
    empty_text = "A policy says which group gets which application."
    autocomplete_fields = ["app", "group"]
    fields = ["app", "group", "name", "login_method", "enabled"]
    show_full_result_count = False
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return super().get_queryset(request).annotate(people_in=access.people_in("group"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"enabled": True, **super().get_changeform_initial_data(request)}

    @display(description="People", ordering="people_in")
    def people(self, policy: Any) -> int:
        return int(policy.people_in)

    @display(description="State", label={"Enabled": "success", "Disabled": "warning"})
    def enabled_label(self, policy: Policy) -> str:
        return "Enabled" if policy.enabled else "Disabled"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        tell_what_follows(request, Account.objects.filter(app=form.instance.app))

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        return sentences(access.lost_with_policies([policy.pk for policy in objects]))
