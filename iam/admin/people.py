"""The pages on which administrators keep people and groups."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import display

from iam import actor, nesting, roles
from iam.forms import (
    PREFIX,
    GroupsFormSet,
    MembershipForm,
    NestingForm,
    SearchField,
    SearchFieldForMany,
    UserForm,
    user_form,
)
from iam.meanwhile import NothingOverwritten
from iam.models import (
    Group,
    GroupNesting,
    GroupPath,
    Membership,
    ProfileAttribute,
    User,
)
from iam.text import NORMALISED_LENGTH, counted, sought

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
    formset = GroupsFormSet
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
    list_per_page = 50
    warn_unsaved_form = True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may put people into groups does so on this page, too; its fields stay closed.
        return _opens_fields(request) or request.user.has_perm("iam.add_membership")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or _opens_fields(request):
            return ["also_in"]
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = user_form() if obj is None or _opens_fields(request) else UserForm
        return super().get_form(request, obj, change, form=form, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if form.fields:
            super().save_model(request, obj, form, change)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        custom = [
            f"{PREFIX}{key}" for key in ProfileAttribute.objects.values_list("key", flat=True)
        ]
        if obj is not None and not _opens_fields(request):
            custom = ["custom_values"]
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

    @display(description="Filled in")
    def custom_values(self, user: User) -> str:
        """For whoever may not change them."""
        labels = ProfileAttribute.objects.values_list("key", "label")
        told = [f"{label}: {user.custom[key]}" for key, label in labels if user.custom.get(key)]
        return format_html('<span class="pointed">{}</span>', "\n".join(told) or "nothing")

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


def _opens_fields(request: HttpRequest) -> bool:
    """Whether the operator may change a person, and not only who is in which group."""
    return bool(request.user.has_perm("iam.change_user"))


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
        return ["name", "description", "open_to_help_desk", *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["held_by", "people_through"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Group], search_term: str
    ) -> tuple[QuerySet[Group], bool]:
        if request.GET.get("model_name") == "membership":
            # To choose one for a person.
            queryset = queryset.filter(pk__in=roles.fillable(request.user))
        return super().get_search_results(request, queryset, sought(search_term))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            if request.method == "POST" and self.has_change_permission(request):
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
        people = counted(count, "person belongs", "people belong")
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
