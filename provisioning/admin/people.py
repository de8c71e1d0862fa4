"""Adds to the pages of people and groups what provisioning knows about them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from iam.admin import GroupAdmin, UserAdmin
from iam.models import Group, User
from provisioning import access
from provisioning.admin.accounts import STATUS_LABELS, status
from provisioning.admin.consequences import SaysWhatWillHappen, sentences, tell_what_follows
from provisioning.models import Account


class AccountsOfUser(TabularInline):
    """Where the person has an account, and how it stands."""

    model = Account
    fk_name = "user"
    extra = 0
    verbose_name_plural = "accounts"
    fields = readonly_fields = ["app", "status_label", "message", "checked_at"]
    show_change_link = True
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, account: Account) -> str:
        return status(account)


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class ProvisionedUserAdmin(SaysWhatWillHappen, UserAdmin):
    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [*UserAdmin.inlines, *([AccountsOfUser] if obj else [])]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        tell_what_follows(request, Account.objects.filter(user=form.instance))

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        return sentences(access.lost_with_users([user.pk for user in objects]))


@admin.register(Group)
class ProvisionedGroupAdmin(SaysWhatWillHappen, GroupAdmin):
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        apps = form.instance.policies.values("app")
        tell_what_follows(request, Account.objects.filter(app__in=apps))

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        return sentences(access.lost_with_groups([group.pk for group in objects]))
