"""Settings > Webhooks: who is told of events, with which secret, and what came of it."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from unfold.dataclasses import UnfoldAction
from unfold.decorators import display

from iam.admin.people import Choosing
from iam.text import counted
from provisioning import webhook_queue, webhook_setup
from provisioning.admin.buttons import button
from provisioning.admin.consequences import SaysWhatWillHappen
from provisioning.admin.parts import ReadOnly
from provisioning.models import OPERATION_LABELS, Delivery, DeliveryState, Outcome, Webhook
from provisioning.webhook_forms import TimespanForm, WebhookForm

_TEST = "_save_and_test"
_NEW_SECRET = "_new_secret"  # noqa: S105 - the name of a button
_AGAIN = "_given_up_again"
_SHOWN = 5
_STATES = {
    DeliveryState.WAITING.label: "info",
    DeliveryState.DELIVERED.label: "success",
    DeliveryState.GIVEN_UP.label: "danger",
    DeliveryState.LEFT.label: "warning",
}


@admin.register(Webhook)
class WebhookAdmin(Choosing, SaysWhatWillHappen):
    form = WebhookForm
    list_display = ["name", "address", "state_label", "waiting_label", "given_up_label"]
    ordering = ["name"]
    search_fields = ["name"]
    empty_text = (
        "A webhook tells another system of what is done to accounts and groups, within seconds: a "
        "ticket system, a chat, or a program of your own. Each message is signed, and sent again "
        "until it is taken."
    )
    show_full_result_count = False
    autocomplete_fields = ["apps"]
    change_form_template = "provisioning/webhook_change_form.html"
    conditional_fields = {"apps": "!all_apps"}
    warn_unsaved_form = True
    fieldsets = [
        ("Where to", {"fields": ["name", "url", "internal", "enabled"]}),
        ("What it is told", {"fields": ["all_apps", "apps", "operations", "outcomes"]}),
    ]
    readonly_fields = ["operations_told", "outcomes_told"]

    def get_fieldsets(self, request: HttpRequest, obj: Webhook | None = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        chosen = ["all_apps"] if obj.all_apps else ["all_apps", "apps"]
        told = ("What it is told", {"fields": [*chosen, "operations_told", "outcomes_told"]})
        return [self.fieldsets[0], told]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        return webhook_setup.counted(super().get_queryset(request))

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        webhook: Any = self.get_object(request, object_id)
        if webhook is None or not self.has_change_permission(request, webhook):
            return []
        again = button(_AGAIN, "Send what was given up again", "replay")
        return [
            button(_TEST, "Save and send a test", "network_check"),
            button(_NEW_SECRET, "New secret", "key"),
            *([again] if webhook.given_up else []),
        ]

    def save_model(self, request: HttpRequest, obj: Webhook, form: ModelForm, change: bool) -> None:
        obj.save()
        if not change:
            # For the answer, which is all that ever shows it: a message would go into a cookie.
            request.secret = webhook_setup.new_secret(obj)  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        webhook_queue.resume(form.instance)

    def response_add(
        self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._secret_page(request, obj, request.secret)  # type: ignore[attr-defined]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        webhook = self.get_object(request, object_id) if object_id else None
        extra = {**(extra_context or {}), "webhook": webhook}
        extra |= {"show_save_and_continue": False, "show_save_and_add_another": False}
        if webhook is not None:
            extra["deliveries"] = webhook.deliveries.select_related("event")[:_SHOWN]
        response = super().changeform_view(request, object_id, form_url, extra)
        saved = request.method == "POST" and response.status_code == 302
        if saved and object_id and {_TEST, _NEW_SECRET, _AGAIN} & set(request.POST):
            # Here the save is committed: no lock is held while the receiver takes its time.
            return self._after_save(request, Webhook.objects.get(pk=object_id))
        return response

    def _after_save(self, request: HttpRequest, webhook: Webhook) -> HttpResponse:
        if _NEW_SECRET in request.POST:
            return self._secret_page(request, webhook, webhook_setup.new_secret(webhook))
        if _TEST in request.POST:
            worked, sentence = webhook_setup.send_test(webhook)
            tell = messages.success if worked else messages.error
            tell(request, sentence)
        if _AGAIN in request.POST:
            given_up = webhook.deliveries.filter(state=DeliveryState.GIVEN_UP)
            messages.success(request, _again(webhook_queue.replay(given_up)))
        return HttpResponseRedirect(request.path)

    def _secret_page(self, request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Secret of “{webhook}”",
            "webhook": webhook,
            "secret": secret,
        }
        return TemplateResponse(request, "provisioning/webhook_secret.html", context)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.again_view)
        ours = [path("<int:webhook>/again/", view, name="provisioning_webhook_again")]
        return [*ours, *super().get_urls()]

    def again_view(self, request: HttpRequest, webhook: int) -> HttpResponse:
        """Send the events of a timespan again."""
        found = get_object_or_404(Webhook, pk=webhook)
        if not self.has_change_permission(request, found):
            raise PermissionDenied
        form = TimespanForm(request.POST or None)
        if form.is_valid():
            after, before = form.cleaned_data["after"], form.cleaned_data["before"]
            try:
                count = webhook_queue.replay_events(found, since=after, until=before)
            except ValueError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _again(count))
                address = reverse("admin:provisioning_webhook_change", args=[found.pk])
                return HttpResponseRedirect(address)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Send events to “{found}” again",
            "webhook": found,
            "form": form,
            "zone": timezone.get_current_timezone_name(),
        }
        return TemplateResponse(request, "provisioning/webhook_again.html", context)

    def consequences(self, request: HttpRequest, objects: list[Any]) -> list[str]:
        return [
            f"{each} is told of nothing any more, and what was told is forgotten here. "
            f"{counted(_open(each), 'event')} will not be delivered."
            for each in objects
        ]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Of its deliveries, which may be many, the sentence above says enough.
        counts = {Webhook._meta.verbose_name_plural: len(objs)}
        missing = set() if self.has_delete_permission(request) else {Webhook._meta.verbose_name}
        return [str(each) for each in objs], counts, missing, []

    @display(description="Address", ordering="url")
    def address(self, webhook: Webhook) -> str:
        # Breaks where it must: an address has no blanks, and a narrow page little room.
        return format_html('<span class="gh-code">{}</span>', webhook.url)

    @display(
        description="State",
        label={"Working": "success", "Not delivered": "danger", "Switched off": "warning"},
    )
    def state_label(self, webhook: Webhook) -> str:
        if not webhook.enabled:
            return "Switched off"
        return "Not delivered" if webhook.problem else "Working"

    @display(description="What was done")
    def operations_told(self, webhook: Webhook) -> str:
        return _told(OPERATION_LABELS, webhook.operations)

    @display(description="With which result")
    def outcomes_told(self, webhook: Webhook) -> str:
        return _told(dict(Outcome.choices), webhook.outcomes)

    @display(description="Waiting")
    def waiting_label(self, webhook: Any) -> int:
        return int(webhook.waiting)

    @display(description="Given up")
    def given_up_label(self, webhook: Any) -> int:
        return int(webhook.given_up)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    """Reached from its webhook; not in the menu."""

    list_display = [
        "recorded",
        "about",
        "webhook",
        "state_label",
        "attempts",
        "answer",
    ]
    list_filter = ["webhook", "state"]
    list_filter_submit = True
    list_select_related = ["webhook", "event"]
    empty_text = "As soon as something is done that a webhook is told of, it is listed here."
    actions = ["send_again", "leave"]
    fields = [
        "about",
        "webhook",
        "state_label",
        "attempts",
        "due_at",
        "answer",
        "delivered_at",
        "message_id",
    ]
    readonly_fields = ["about", "state_label", "answer", "message_id"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("provisioning.change_webhook")

    @display(description="Recorded")
    def recorded(self, delivery: Delivery) -> str:
        moment = localize(timezone.localtime(delivery.event.at))
        return format_html('<span class="whitespace-nowrap">{}</span>', moment)

    @display(description="Event")
    def about(self, delivery: Delivery) -> str:
        return str(delivery.event)

    @display(description="Answer")
    def answer(self, delivery: Delivery) -> str:
        return f"{delivery.status or ''} {delivery.message}".strip()

    @display(description="State", label=_STATES)
    def state_label(self, delivery: Delivery) -> str:
        return str(delivery.get_state_display())

    @admin.action(description="Send again", permissions=["decide"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        messages.success(request, _again(webhook_queue.replay(queryset)))

    @admin.action(description="Leave what was given up undelivered", permissions=["decide"])
    def leave(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = webhook_queue.leave(queryset)
        messages.success(request, f"{counted(count, 'event')} will not be delivered.")


def _told(labels: Mapping[Any, str], chosen: list[str]) -> str:
    """For whoever may not change them; nothing chosen means everything."""
    return ", ".join(label for key, label in labels.items() if key in chosen) or "Everything"


def _open(webhook: Webhook) -> int:
    return webhook.deliveries.filter(state=DeliveryState.WAITING).count()


def _again(count: int) -> str:
    if not count:
        return "There was nothing to send again."
    return f"{counted(count, 'event is', 'events are')} sent again now."
