"""What several pages have in common: rows that only the engine writes, links, values in lines."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from iam.text import sought


class NotWritten:
    """Rows that nobody adds, changes or deletes by hand, on a page of their own or on another."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NotWritten, ModelAdmin):
    """Written by the engine; pages only show it."""

    show_full_result_count = False


class ReadOnlyInline(NotWritten, TabularInline):
    """The same as rows on another page."""

    extra = 0
    can_delete = False
    hide_title = True


class FoundByKey(ModelAdmin):
    """A list that is searched by the comparable form of a name."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, sought(search_term))


class Pushed(FoundByKey):
    """Accounts, and groups there: their page has a button and no field.

    One is never deleted: to forget it would lose track of something that exists elsewhere.
    """

    list_filter_submit = True
    show_full_result_count = False
    actions_submit_line = ["push_this_now"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return flatten_fieldsets(self.fieldsets)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        nothing_to_save = {"show_save": False, "show_save_and_continue": False}
        extra = {**(extra_context or {}), **nothing_to_save}
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if "push_this_now" in request.POST:
            self.push_this_now(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(request.path)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_push_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_push_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"provisioning.push_{self.opts.model_name}")

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"provisioning.change_{self.opts.model_name}")

    @display(description="App")
    def app_name(self, row: Any) -> str:
        # Not the field itself: Django would make a link of it for those, too, who may not open it.
        return str(row.app)

    @action(description="Push now", icon="sync", permissions=["push"])
    def push_this_now(self, request: HttpRequest, obj: Any) -> None:
        self.push_now(request, self.model._default_manager.filter(pk=obj.pk))

    def push_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Have these looked at again, and say how many."""
        raise NotImplementedError


def link(model: str, key: Any, text: object) -> str:
    """To the page of something else: of a “provisioning_account” with this key."""
    return link_to(reverse(f"admin:{model}_change", args=[key]), text)


def link_to(address: str, text: object) -> str:
    return format_html('<a class="gh-link" href="{}">{}</a>', address, text)


def to_report(identifier: str, app: int) -> str:
    """What was done to an account or a group there lately."""
    address = reverse("admin:reports_provisioningreport_changelist")
    about = urlencode({"identifier": identifier, "app": str(app), "timespan": "30d"})
    return link_to(f"{address}?{about}", "What was done and why")


def values(held: Mapping[str, Any]) -> str:
    """What mapped targets hold, each in a line."""
    return lines((f"{path}: {value}" for path, value in held.items()), nothing="nothing yet")


def lines(told: Iterable[str], *, nothing: str = "nothing") -> str:
    return format_html('<span class="pointed">{}</span>', "\n".join(told) or nothing)
