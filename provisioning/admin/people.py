"""Adds to the pages of people and groups what provisioning knows about them."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from iam.admin.people import GroupAdmin, UserAdmin
from iam.models import Group, GroupNesting, User
from provisioning import access, leaving
from provisioning.admin import leaving as leaving_page
from provisioning.admin import whys
from provisioning.admin.accounts import STATUS_LABELS, status
from provisioning.admin.consequences import (
    SaysWhatWillHappen,
    lost_groups,
    tell_what_follows,
)
from provisioning.admin.groups import PushedGroupsOfGroup
from provisioning.admin.parts import ReadOnlyInline, link
from provisioning.losses import sentences
from provisioning.models import Account, Policy

_TAKEN_OUT = re.compile(r"nestings-\d+-DELETE")
_CONFIRMED = "taken_out_confirmed"


class AccountsOfUser(ReadOnlyInline):
    """Where the person has an account, and how it stands."""

    model = Account
    fk_name = "user"
    verbose_name_plural = "accounts"
    fields = readonly_fields = ["app_name", "status_label", "message", "checked_at"]

    @display(description="App")
    def app_name(self, account: Account) -> str:
        return link("provisioning_account", account.pk, account.app.name)

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, account: Account) -> str:
        return status(account)


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class ProvisionedUserAdmin(SaysWhatWillHappen, UserAdmin):
    actions_detail = ["why", "certificate", "remove_everywhere"]

    @action(description="Why?", url_path="why", icon="help")
    def why(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return whys.page(self, request, object_id)

    @action(
        description="Certificate",
        url_path="certificate",
        icon="verified_user",
        permissions=["certificate"],
    )
    def certificate(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:reports_certificate", args=[object_id]))

    @action(
        description="Remove everywhere now",
        url_path="remove-everywhere",
        icon="person_off",
        permissions=["leaving"],
    )
    def remove_everywhere(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return leaving_page.page(self, request, object_id)

    def has_certificate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("reports.view_provisioningreport"))

    def has_leaving_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perms(leaving.RIGHTS))

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [*UserAdmin.inlines, *([AccountsOfUser] if obj else [])]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        tell_what_follows(request, Account.objects.filter(user=form.instance))

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        return sentences(access.lost_with_users([user.pk for user in objects]))


@admin.register(Group)
class ProvisionedGroupAdmin(SaysWhatWillHappen, GroupAdmin):
    list_display = [*GroupAdmin.list_display, "people"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(people_in=access.people_in("pk"))

    @display(description="People", ordering="people_in")
    def people(self, group: Any) -> int:
        return int(group.people_in)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        pushed = obj is not None and obj.pushed.exists()
        return [*GroupAdmin.inlines, *([PushedGroupsOfGroup] if pushed else [])]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        asks = _CONFIRMED not in request.POST and self.has_change_permission(request)
        told = _taken_out(request) if asks else []
        if not told:
            return super().changeform_view(request, object_id, form_url, extra_context)
        kept = [(name, value) for name in request.POST for value in request.POST.getlist(name)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Take groups out of this group",
            "consequences": told,
            "kept": [(name, value) for name, value in kept if name != "csrfmiddlewaretoken"],
            "confirmed": _CONFIRMED,
        }
        return TemplateResponse(request, "provisioning/confirm_save.html", context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        above = access.holding([form.instance.pk])
        apps = Policy.objects.filter(group__in=above).values("app")
        tell_what_follows(request, Account.objects.filter(app__in=apps))

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        keys = [group.pk for group in objects]
        return [*sentences(access.lost_with_groups(keys)), *lost_groups(keys)]


def _taken_out(request: HttpRequest) -> list[str]:
    """What follows from taking groups out of this one, if that was asked for."""
    ticked = [name for name in request.POST if _TAKEN_OUT.fullmatch(name)]
    keys = [request.POST.get(name.replace("-DELETE", "-id"), "") for name in ticked]
    nestings = GroupNesting.objects.filter(pk__in=[int(key) for key in keys if key.isdecimal()])
    return sentences(access.lost_with_nestings(list(nestings.values_list("pk", flat=True))))
