"""Apps: choose from the catalogue, connect, map attributes, switch features on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from iam import actor
from iam.admin.people import Choosing
from iam.meanwhile import NothingOverwritten
from iam.text import counted
from provisioning import (
    apps_setup,
    connectors,
    guard,
    losses,
    queue,
    schedule,
    wording,
)
from provisioning.admin import configuration, guidance, parts, preview
from provisioning.admin.buttons import button
from provisioning.admin.consequences import SaysWhatWillHappen
from provisioning.connectors.base import Setting
from provisioning.forms import FEATURE, SETTING, NewAppForm, app_form
from provisioning.mapping_forms import GroupMappingForm, MappingForm
from provisioning.mapping_formset import MappingFormSet
from provisioning.models import (
    Account,
    App,
    Hold,
    Mapping,
    PushedGroup,
    PushedMember,
    Run,
)
from provisioning.plan import GROUP_FEATURES

_GO_ALONG = (Account, Hold, Run, PushedGroup, PushedMember)
_TEST = "_save_and_test"
_PUSH = "_push_now"
_COMPARE = "_compare_now"
_FORGET = "_forget_learned"
_PREVIEW = "_preview"
_CONFIRMED = "_mapping_confirmed"
_BUTTONS = {_TEST, _PUSH, _COMPARE, _FORGET}


class MappingInline(TabularInline):
    model = Mapping
    form = MappingForm
    formset = MappingFormSet
    fields = ["target", "source", "when_empty", "apply", "match", "sensitive"]
    extra = 0
    verbose_name = "row"
    verbose_name_plural = "Attribute mapping"
    hide_title = True
    template_before = "provisioning/mapping_help.html"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = type("MappingForm", (self.form,), {"kind": obj.kind})
        return super().get_formset(request, obj, **kwargs)

    def get_queryset(self, request: HttpRequest) -> Any:
        return Mapping.objects.filter(resource=self.form.resource)


class GroupMappingInline(MappingInline):
    form = GroupMappingForm
    fields = ["target", "source", "when_empty", "apply"]
    verbose_name_plural = "Group mapping"
    template_before = "provisioning/group_mapping_help.html"


_SAFETY = ("Safety", {"fields": [("guard_count", "guard_percent")]})
_COMPARISON = ("Comparison", {"fields": [("drift", "compare_hours")]})
_SELDOM = (
    "Seldom needed",
    {
        "fields": [
            ("requests_per_second", "requests_at_once"),
            ("keep_events_days", "keep_evidence_days"),
            "ca_certificate",
        ]
    },
)


@admin.register(App)
class AppAdmin(Choosing, SaysWhatWillHappen, NothingOverwritten):
    list_display = ["name", "kind_label", "state_label", "accounts_held", "waiting", "needing"]
    search_fields = ["name"]
    # Counted rows have no order of their own, and a choice among apps is given in pages.
    ordering = ["name"]
    empty_text = "Add the first application that Gatehouse should keep accounts in."
    show_full_result_count = False
    autocomplete_fields = ["chosen_groups"]
    actions_list = ["configuration"]
    change_form_template = "provisioning/app_change_form.html"
    warn_unsaved_form = True

    # Which settings are asked for depends on the sign-in method chosen above them. The same setting
    # of another kind may not depend on anything, and then there is nothing to choose on its page.
    @property
    def conditional_fields(self) -> dict[str, str]:
        settings = {
            f"{SETTING}{setting.key}": _shown_when(*setting.when)
            for kind in connectors.catalogue().values()
            for setting in kind.settings
            if setting.when
        }
        chosen = "typeof groups_to_push == 'undefined' || groups_to_push == 'chosen'"
        return {**settings, "chosen_groups": chosen}

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        here = request.build_absolute_uri("/")
        kwargs["form"] = NewAppForm if obj is None else app_form(obj, portal=here)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["connector", "name"]})]
        settings = [f"{SETTING}{setting.key}" for setting in obj.kind.settings]
        features = _feature_fields(obj)
        if not self.has_change_permission(request, obj):
            # What is no column of the app has no value to show without its form.
            settings = ["settings_told"]
            features = ["features_told", *(each for each in features if FEATURE not in each)]
        return [
            ("Connection", {"fields": ["name", *settings, "internal"]}),
            ("Provisioning features", {"fields": features}),
            _SAFETY,
            *([_COMPARISON] if obj.kind.lists_accounts else []),
            _SELDOM,
        ]

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """More buttons; what they do is done in `_after_save`, when the save is committed."""
        app = self.get_object(request, object_id)
        if app is None:
            return []
        # In a window of its own, so that what was typed here stays.
        preview = button(
            _PREVIEW,
            "Preview the mapping",
            "visibility",
            formaction=reverse("admin:provisioning_app_preview", args=[app.pk]),
            formtarget="_blank",
            formnovalidate="",
        )
        if not self.has_change_permission(request, app):
            return [preview]
        compare = button(_COMPARE, "Save and compare now", "difference")
        forget = button(_FORGET, "Forget what was learned", "psychology")
        return [
            button(_TEST, "Save and test connection", "network_check"),
            button(_PUSH, "Save and push now", "sync"),
            *([compare] if app.kind.lists_accounts else []),
            *([forget] if app.learned else []),
            preview,
        ]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        if obj is None:
            return []
        return [MappingInline, *([GroupMappingInline] if _has_groups(obj) else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[App]:
        return apps_setup.counted(super().get_queryset(request))

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        options: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if inline.form is MappingForm:
            options["confirmed"] = request.POST.get(_CONFIRMED, "")
        return options

    def save_model(self, request: HttpRequest, obj: App, form: ModelForm, change: bool) -> None:
        if change:
            obj.save()
        else:
            apps_setup.create(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        apps_setup.complete(form.instance)
        if any(formset.has_changed() for formset in formsets):
            for sentence in guidance.shortcomings(form.instance):
                messages.warning(request, sentence)

    def response_add(
        self, request: HttpRequest, obj: App, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(
            request, f"{obj} is in the list. Now connect it: follow the steps on this page."
        )
        return HttpResponseRedirect(reverse("admin:provisioning_app_change", args=[obj.pk]))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        app = self.get_object(request, object_id) if object_id else None
        extra = {**(extra_context or {}), "app": app, "guide": guidance.beside(app)}
        extra["held"] = guard.waiting().filter(app=app).count() if app else 0
        extra |= {"show_save_and_continue": False, "show_save_and_add_another": False}
        response = super().changeform_view(request, object_id, form_url, extra)
        saved = request.method == "POST" and response.status_code == 302
        if saved and object_id:
            for sentence in apps_setup.objections(App.objects.get(pk=object_id)):
                messages.warning(request, sentence)
        if saved and object_id and _BUTTONS & set(request.POST):
            # Here the save is committed: nobody waits for a database lock while the
            # application takes its time to answer.
            self._after_save(request, App.objects.get(pk=object_id))
            return HttpResponseRedirect(request.path)
        return response

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preview_view)
        ours = [path("<int:app>/preview/", view, name="provisioning_app_preview")]
        return [*ours, *super().get_urls()]

    @action(
        description="Configuration as a file",
        url_path="configuration",
        icon="description",
        permissions=["configuration"],
    )
    def configuration(self, request: HttpRequest) -> HttpResponse:
        return configuration.page(self, request)

    def has_configuration_permission(self, request: HttpRequest) -> bool:
        return configuration.may_use(request)

    def preview_view(self, request: HttpRequest, app: int) -> HttpResponse:
        found = get_object_or_404(App, pk=app)
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        formset = None
        sent = f"{preview.PREFIX}-TOTAL_FORMS" in request.POST
        if sent and self.has_change_permission(request, found):
            kind = MappingInline(App, self.admin_site).get_formset(request, found)
            rows = found.mappings.of_people()
            formset = kind(request.POST, instance=found, prefix=preview.PREFIX, queryset=rows)
        return preview.page(self, request, found, formset)

    def _after_save(self, request: HttpRequest, app: App) -> None:
        if _TEST in request.POST:
            worked, sentence = apps_setup.check_connection(app)
            if worked:
                messages.success(request, f"{sentence} {_next_step(app)}")
            else:
                messages.error(request, sentence)
        if _PUSH in request.POST:
            count = queue.push_now(app)
            accounts = counted(count, f"account of {app} is", f"accounts of {app} are")
            messages.success(request, f"{accounts} looked at again now.")
        if _FORGET in request.POST:
            apps_setup.forget(app)
            messages.success(request, f"What {app} can do is found out anew.")
        if _COMPARE in request.POST and app.kind.lists_accounts:
            try:
                run = schedule.ask_for(app, by=actor.current())
            except schedule.Refused as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _compares(run))

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        return [
            f"{losses.stay(app)} To remove access first, disable the policies of {app} and wait "
            "until the report shows it done."
            for app in objects
        ]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        objects, counts, missing, protected = super().get_deleted_objects(objs, request)
        # Nobody deletes one of these by itself, but they go with their app.
        theirs = {model._meta.verbose_name for model in _GO_ALONG}
        return objects, counts, missing - theirs, protected

    @display(description="Settings")
    def settings_told(self, app: App) -> str:
        """For whoever may not change them; of a secret only whether there is one."""
        return parts.lines(
            f"{each.label}: {'stored' if each.secret else _shown(each, app)}"
            for each in app.kind.settings
            if (each.key in app.stored_secrets if each.secret else app.settings.get(each.key))
        )

    @display(description="Switched on")
    def features_told(self, app: App) -> str:
        features = [each for each in app.kind.features if each in app.features]
        return parts.lines(wording.FEATURE_LABELS[each] for each in features)

    @display(description="Kind")
    def kind_label(self, app: App) -> str:
        return app.kind.label

    @display(
        description="State",
        label={
            "Working": "success",
            "Paused": "warning",
            "Stopped": "danger",
            "Not used yet": "info",
        },
    )
    def state_label(self, app: Any) -> str:
        if app.paused:
            return "Paused"
        if hasattr(app, "lane") and app.lane.problem:
            return "Stopped"
        return "Working" if app.active_accounts else "Not used yet"

    @display(description="Accounts", ordering="active_accounts")
    def accounts_held(self, app: Any) -> int:
        return int(app.active_accounts)

    @display(description="Waiting", ordering="due_accounts")
    def waiting(self, app: Any) -> int:
        return int(app.due_accounts)

    @display(description="Need you", ordering="stuck_accounts")
    def needing(self, app: Any) -> int:
        return int(app.stuck_accounts)


def _shown(setting: Setting, app: App) -> str:
    value: str = app.settings[setting.key]
    return dict(setting.choices).get(value, value)


def _has_groups(app: App) -> bool:
    return any(feature in app.kind.features for feature in GROUP_FEATURES)


def _feature_fields(app: App) -> list[str]:
    """What may be done to accounts, then what to groups."""
    of_groups = [feature for feature in app.kind.features if feature in GROUP_FEATURES]
    of_users = [feature for feature in app.kind.features if feature not in GROUP_FEATURES]
    groups = [f"{FEATURE}{feature}" for feature in of_groups]
    if groups:
        groups += ["groups_to_push", "chosen_groups", "adopt_groups"]
    users = [f"{FEATURE}{feature}" for feature in of_users]
    return [*users, "delete_after_days", *groups, "paused"]


def _shown_when(key: str, value: str) -> str:
    """For the page's script."""
    chosen = f"{SETTING}{key}"
    return f"typeof {chosen} == 'undefined' || {chosen} == '{value}'"


def _compares(run: Run) -> str:
    return format_html(
        'All accounts of {} are compared with {} itself. <a href="{}">See how far it is</a>.{}',
        run.app,
        run.app,
        reverse("admin:provisioning_run_change", args=[run.pk]),
        f" It waits until {run.app} is not paused any more." if run.app.paused else "",
    )


def _next_step(app: App) -> str:
    if not app.policies.exists():
        return "Next: check the attribute mapping below, then add a policy that says who gets it."
    return "Everything that waited is sent now."
