"""The pages of operators, and of the tokens by which programs act for them."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group as DjangoGroup
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm

from iam import roles, tokens
from iam.forms import NewOperatorForm, OperatorForm, TokenForm
from iam.meanwhile import NothingOverwritten
from iam.models import ApiToken, Operator, Role
from iam.text import counted

# Gatehouse has groups of its own; Django's would only stand beside them and confuse.
admin.site.unregister(DjangoGroup)


@admin.register(Operator)
class OperatorAdmin(NothingOverwritten, DjangoUserAdmin, ModelAdmin):
    """Superusers decide who the operators are: what grants rights must not be one of the rights."""

    form = OperatorForm
    add_form = NewOperatorForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "role_label", "is_active", "last_login"]
    list_filter = ["is_active", "role", "is_superuser"]
    search_fields = ["username", "email"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": [("first_name", "last_name"), "email"]}),
        ("Rights", {"fields": ["is_active", "role"]}),
        ("Dates", {"fields": [("last_login", "date_joined")]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "role", "password1", "password2"]})]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self._superuser(request):
            return super().get_fieldsets(request, obj)
        rights = ("Rights", {"fields": ["is_active", "role_label"]})
        return [(None, {"fields": ["username"]}), self.fieldsets[1], rights, self.fieldsets[3]]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request) or roles.of(request.user) == Role.AUDITOR

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    @staticmethod
    def _superuser(request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    @display(description="Role")
    def role_label(self, operator: Operator) -> str:
        role = roles.of(operator)
        return str(role.label) if role else "None"


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Operators make tokens for themselves and see their own; superusers see and end all.

    Auditors see all of them: there is nothing secret on these pages.
    """

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
        sees_all = roles.of(request.user) in (Role.SUPERUSER, Role.AUDITOR)
        return found if sees_all else found.filter(owner=request.user)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ["name", "allowed", "expires_at"]
        return ["name", "acts_for", "hint", "may", "state_label", "expires_at", "last_used_at"]

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

    @display(description="Acts for")
    def acts_for(self, token: ApiToken) -> str:
        # Not the field itself: Django would make a link of it for those, too, who may not open it.
        return token.owner.username

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
        what = counted(count, "token is", "tokens are")
        messages.success(request, f"{what} refused from now on.")
