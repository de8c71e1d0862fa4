"""The pages on which administrators keep people, groups and operators."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group as DjangoGroup
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from iam import actor, nesting, tokens
from iam.forms import (
    PREFIX,
    MembershipForm,
    NestingForm,
    SearchField,
    SearchFieldForMany,
    TokenForm,
    user_form,
)
from iam.meanwhile import NothingOverwritten
from iam.models import (
    ApiToken,
    Group,
    GroupNesting,
    GroupPath,
    Membership,
    Operator,
    ProfileAttribute,
    User,
)
from iam.text import NORMALISED_LENGTH, sought

# Gatehouse has groups of its own; Django's would only stand beside them and confuse.
admin.site.unregister(DjangoGroup)


# So many names, and no more, are shown in one line.
_SHOWN = 20


class Choosing:
    """For pages and rows on which something is looked for by its name and chosen."""

    def formfield_for_dbfield(self: Any, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            search = SearchFieldForMany if db_field.many_to_many else SearchField
            options["widget"] = search(db_field, self.admin_site)
        return super().formfield_for_dbfield(db_field, request, **options)  # type: ignore[misc]


class RowsInline(Choosing, TabularInline):
    """Rows that are added with a search field or removed, never turned into another one."""

    extra = 0
    per_page = 50
    hide_title = True
    readonly_fields = ["added_at", "added_by"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(RowsInline):
    """People in a group, or groups of a person."""

    model = Membership
    form = MembershipForm


class GroupsInGroup(RowsInline):
    model = GroupNesting
    form = NestingForm
    verbose_name = "group"
    verbose_name_plural = "groups in this group"
    fk_name = "parent"
    autocomplete_fields = ["child"]
    fields = ["child", "added_at", "added_by"]


class GroupsOfUser(MembershipInline):
    verbose_name = "group"
    verbose_name_plural = "groups"
    fk_name = "user"
    autocomplete_fields = ["group"]
    fields = ["group", "added_at", "added_by"]


class UsersOfGroup(MembershipInline):
    verbose_name = "person"
    verbose_name_plural = "people"
    fk_name = "group"
    autocomplete_fields = ["user"]
    fields = ["user", "added_at", "added_by"]


@admin.register(User)
class UserAdmin(Choosing, NothingOverwritten):
    # Counted rows have no order of their own, and a choice among people is given in pages.
    ordering = ["username_key"]
    list_display = ["username", "full_name", "email", "department", "active_label", "group_count"]
    list_filter = ["is_active", "groups"]
    list_filter_submit = True
    search_fields = [
        "username_key__startswith",
        "first_name__istartswith",
        "last_name__istartswith",
        "email__istartswith",
    ]
    search_help_text = "Beginning of the user name, first name, last name or e-mail"
    empty_text = (
        "Add the people whose accounts Gatehouse keeps. Nothing is sent anywhere until a person is "
        "in a group that gets an application."
    )
    show_full_result_count = False
    autocomplete_fields = ["manager"]
    inlines = [GroupsOfUser]
    readonly_fields = ["also_in"]
    list_per_page = 50
    warn_unsaved_form = True

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, form=user_form(), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        custom = [
            f"{PREFIX}{key}" for key in ProfileAttribute.objects.values_list("key", flat=True)
        ]
        return [
            (None, {"fields": ["username", "is_active", *(["also_in"] if obj else [])]}),
            ("Name", {"fields": [("first_name", "last_name"), "display_name"]}),
            ("Contact", {"fields": [("email", "phone")]}),
            (
                "Work",
                {"fields": [("title", "department"), ("manager", "employee_id")]},
            ),
            ("Language and time", {"fields": [("locale", "timezone")]}),
            ("Custom attributes", {"fields": custom}),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        by_key, _ = super().get_search_results(request, queryset, sought(search_term))
        # Names and e-mail are kept as they were typed, and SQLite folds only ASCII letters.
        typed = search_term[:NORMALISED_LENGTH]
        as_typed, _ = super().get_search_results(request, queryset, typed)
        return by_key | as_typed, False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(groups_held=Count("memberships"))

    @display(description="Also belongs to")
    def also_in(self, user: User) -> str:
        """The groups that hold one of theirs, and why."""
        mine = GroupPath.objects.filter(descendant__memberships__user=user)
        pairs = mine.order_by("ancestor__name_key", "descendant__name_key")
        names = list(pairs.values_list("descendant__name", "ancestor__name")[: _SHOWN + 1])
        told = [f"{above}, because group {below} is in it" for below, above in names[:_SHOWN]]
        more = "; and more" if len(names) > _SHOWN else ""
        return f"{'; '.join(told)}{more}" if told else "No other group"

    @display(description="Name")
    def full_name(self, user: User) -> str:
        return user.full_name or "–"

    @display(description="State", label={"Active": "success", "Switched off": "danger"})
    def active_label(self, user: User) -> str:
        return "Active" if user.is_active else "Switched off"

    @display(description="Groups")
    def group_count(self, user: Any) -> int:
        return int(user.groups_held)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        _save_rows(formset)


@admin.register(Group)
class GroupAdmin(NothingOverwritten):
    ordering = ["name_key"]
    list_display = ["name", "description"]
    search_fields = ["name_key__startswith"]
    search_help_text = "Beginning of the name"
    empty_text = "A group holds the people who get the same applications."
    show_full_result_count = False
    inlines = [UsersOfGroup, GroupsInGroup]
    warn_unsaved_form = True

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ["held_by", "people_through"] if obj else []
        return ["name", "description", *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["held_by", "people_through"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Group], search_term: str
    ) -> tuple[QuerySet[Group], bool]:
        return super().get_search_results(request, queryset, sought(search_term))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            if request.method == "POST":
                # That there is no circle is still true when the nesting is saved.
                nesting.lock()
            return super().changeform_view(request, *args, **kwargs)

    @display(description="Is part of")
    def held_by(self, group: Group) -> str:
        above = Group.objects.filter(paths_down__descendant=group)
        names = list(above.values_list("name", flat=True)[: _SHOWN + 1])
        more = " and more" if len(names) > _SHOWN else ""
        return f"{', '.join(names[:_SHOWN])}{more}" if names else "No other group"

    @display(description="People of the groups in it")
    def people_through(self, group: Group) -> str:
        held = GroupPath.objects.filter(ancestor=group).values("descendant")
        if not held.exists():
            return "None, as it holds no other group. Add some under “Groups in this group”."
        users = Membership.objects.filter(group__in=held).values("user")
        count = users.distinct().count()
        people = "1 person belongs" if count == 1 else f"{count:,} people belong"
        return f"{people} to this group as well, by being in a group that it holds."

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        _save_rows(formset)


def _save_rows(formset: Any) -> None:
    for added in formset.save(commit=False):
        if isinstance(added, Membership | GroupNesting):
            added.added_by = actor.current()
        added.save()
    for removed in formset.deleted_objects:
        removed.delete()


@admin.register(ProfileAttribute)
class ProfileAttributeAdmin(NothingOverwritten):
    list_display = ["label", "key", "help_text"]
    empty_text = "A profile attribute is a field of your own on every person's page."
    fields = ["label", "key", "help_text", "position"]
    prepopulated_fields = {"key": ["label"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # People's values and mappings are kept under the key.
        return ["key"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)


@admin.register(Operator)
class OperatorAdmin(NothingOverwritten, DjangoUserAdmin, ModelAdmin):
    """Only superusers see operators: a page that grants rights must not be one of the rights."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active"]
    search_fields = ["username", "email"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": [("first_name", "last_name"), "email"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Dates", {"fields": [("last_login", "date_joined")]}),
    ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    @staticmethod
    def _superuser(request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Operators make tokens for themselves and see their own; superusers see and end all."""

    form = TokenForm
    list_display = ["name", "owner", "hint", "may", "state_label", "expires_at", "last_used_at"]
    list_select_related = ["owner"]
    empty_text = (
        "A token lets a program act for you through the API. It can do no more than you can."
    )
    show_full_result_count = False
    actions = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        found = super().get_queryset(request)
        return found if request.user.is_superuser else found.filter(owner=request.user)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ["name", "allowed", "expires_at"]
        return ["name", "owner", "hint", "may", "state_label", "expires_at", "last_used_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A token is made and revoked, not edited.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("iam.delete_apitoken"))

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        made, secret = tokens.issue(
            request.user,  # type: ignore[arg-type]
            name=obj.name,
            scopes=form.cleaned_data["allowed"],
            expires_at=obj.expires_at,
        )
        obj.pk = made.pk
        obj.refresh_from_db()
        # For the answer, which is all that ever shows it: a message would go into a cookie.
        request.secret = secret  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Token “{obj.name}”",
            "token": obj,
            "secret": request.secret,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "iam/token.html", context)

    @display(description="May")
    def may(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @display(description="State", label={"Good": "success", "Revoked": "danger", "Ended": "info"})
    def state_label(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return "Revoked"
        return "Good" if tokens.is_good(token) else "Ended"

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        count = tokens.revoke(queryset)
        what = "1 token is" if count == 1 else f"{count} tokens are"
        messages.success(request, f"{what} refused from now on.")
