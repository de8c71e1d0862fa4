"""/webhooks and /deliveries: who is told of events, what was told to whom, and telling it again."""

from typing import Any

import django_filters
from django.forms import model_to_dict
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam.models import Scope
from provisioning import webhook_queue, webhook_setup, webhook_signing
from provisioning.api import by_form
from provisioning.api.accounts import AT_ONCE
from provisioning.api.applications import CheckShape
from provisioning.api.filtering import Key as KeyFilter
from provisioning.api.filtering import YesNo
from provisioning.api.shapes import Flag, Nothing, Number, Strict, StrictModel, Text
from provisioning.api.views import Create, Delete, Read, Resource, Update
from provisioning.models import OPERATION_LABELS, Delivery, DeliveryState, Outcome, Webhook
from provisioning.webhook_forms import TimespanForm, WebhookForm

_MAY_CHANGE = "provisioning.change_webhook"


class WebhookShape(StrictModel):
    """The secret goes in and never comes out."""

    secret = Text(
        write_only=True,
        max_length=200,
        help_text="What messages are signed with: `whsec_` and 24 to 64 random bytes in Base64. A "
        "new one takes the place of the former, which signs along for a day. Never shown.",
    )
    operations = serializers.ListField(
        child=serializers.ChoiceField([operation.value for operation in OPERATION_LABELS]),
        required=False,
        help_text="Only events of these; an empty list is all.",
    )
    outcomes = serializers.ListField(
        child=serializers.ChoiceField(Outcome.choices),
        required=False,
        help_text="Only events with these; an empty list is all.",
    )
    problem = serializers.CharField(
        read_only=True, help_text="Why it is told of nothing at the moment; empty if all is well."
    )

    class Meta:
        model = Webhook
        fields = [
            "id",
            "name",
            "url",
            "internal",
            "enabled",
            "all_apps",
            "apps",
            "operations",
            "outcomes",
            "secret",
            "former_until",
            "problem",
            "created_at",
            "changed_at",
        ]
        read_only_fields = ["former_until", "created_at", "changed_at"]

    def validate_secret(self, text: str) -> str:
        try:
            return webhook_signing.clean_secret(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def create(self, validated_data: dict[str, Any]) -> Webhook:
        return self.update(Webhook(), validated_data)

    def update(self, instance: Webhook, validated_data: dict[str, Any]) -> Webhook:
        secret = validated_data.pop("secret", None)
        form = WebhookForm(_filled_in(instance, validated_data), instance=instance)
        webhook: Webhook = by_form.saved(form)
        if secret is not None:
            webhook_setup.use_secret(webhook, secret)
        webhook_queue.resume(webhook)
        return webhook


def _filled_in(webhook: Webhook, changes: dict[str, Any]) -> QueryDict:
    """The webhook's form as a browser would send it after these changes."""
    now = {**model_to_dict(webhook, WebhookForm.Meta.fields), **changes}
    data = QueryDict(mutable=True)
    for name, value in now.items():
        if isinstance(value, list):
            data.setlist(name, [str(getattr(each, "pk", each)) for each in value])
        elif value is not False:
            data[name] = "on" if value is True else str(value)
    return data


class AgainShape(Strict):
    """Which: some deliveries, all that were given up, or the events of a timespan."""

    deliveries = serializers.ListField(
        child=Number(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=AT_ONCE,
        required=False,
    )
    given_up = Flag(required=False, help_text="True: all that were given up.")
    after = serializers.DateTimeField(required=False, help_text="Recorded then or later.")
    before = serializers.DateTimeField(required=False, help_text="Recorded then or earlier.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = ({"deliveries"}, {"given_up"}, {"after", "before"})
        if {*attrs} not in known or attrs.get("given_up") is False:
            raise ValidationError(
                "Give “deliveries”, or “given_up”, or “after” and “before” together."
            )
        if "after" in attrs:
            form = TimespanForm({name: moment.isoformat() for name, moment in attrs.items()})
            if not form.is_valid():
                raise by_form.refusal(form)
        return attrs


class WaitingShape(serializers.Serializer):
    waiting = serializers.IntegerField(help_text="How many are sent again now.")


class WebhookFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(max_length=100)
    enabled = YesNo()

    class Meta:
        model = Webhook
        fields: list[str] = []


class Webhooks(Read, Create, Update, Delete, Resource):
    """Who is told of events, signed and in order, until it is taken."""

    model = Webhook
    scope = Scope.WEBHOOKS
    queryset = Webhook.objects.select_related("lane").prefetch_related("apps")
    serializer_class = WebhookShape
    filterset_class = WebhookFilter

    @extend_schema(responses={202: WaitingShape})
    @action(detail=True, methods=["post"], right=_MAY_CHANGE, serializer_class=AgainShape)
    def replay(self, request: Request, pk: str) -> Response:
        """Send some of what it was told again, under the ids it had."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        count = _replayed(self.get_object(), serializer.validated_data)
        return Response(WaitingShape({"waiting": count}).data, status=202)

    @extend_schema(responses={200: CheckShape})
    @action(
        detail=True,
        methods=["post"],
        right=_MAY_CHANGE,
        serializer_class=Nothing,
        asks_outside=True,
    )
    def test(self, request: Request, pk: str) -> Response:
        """Send a message that is no event. Takes as long as it takes to answer."""
        self.get_serializer(data=request.data).is_valid(raise_exception=True)
        worked, message = webhook_setup.send_test(self.get_object())
        return Response(CheckShape({"worked": worked, "message": message}).data)


def _replayed(webhook: Webhook, asked: dict[str, Any]) -> int:
    if "deliveries" in asked:
        found = webhook.deliveries.filter(pk__in=asked["deliveries"])
        unknown = {*asked["deliveries"]} - {*found.values_list("pk", flat=True)}
        if unknown:
            raise ValidationError(
                {"deliveries": f"This webhook has no delivery with the id {min(unknown)}."}
            )
        return webhook_queue.replay(found)
    if "given_up" in asked:
        return webhook_queue.replay(webhook.deliveries.filter(state=DeliveryState.GIVEN_UP))
    try:
        return webhook_queue.replay_events(webhook, since=asked["after"], until=asked["before"])
    except ValueError as error:
        raise ValidationError({"before": str(error)}) from error


# ---------------------------------------------------------------------------------- deliveries


class DeliveryShape(StrictModel):
    message_id = serializers.CharField(read_only=True, help_text="`webhook-id` of the message.")

    class Meta:
        model = Delivery
        fields = read_only_fields = [
            "id",
            "webhook",
            "event",
            "message_id",
            "state",
            "attempts",
            "due_at",
            "status",
            "message",
            "delivered_at",
        ]


class DeliveryFilter(django_filters.FilterSet):
    webhook = KeyFilter()
    event = KeyFilter()
    state = django_filters.ChoiceFilter(choices=DeliveryState.choices)

    class Meta:
        model = Delivery
        fields: list[str] = []


class Deliveries(Read, Resource):
    """What was told to whom; the newest first."""

    model = Delivery
    queryset = Delivery.objects.select_related("webhook", "event")
    serializer_class = DeliveryShape
    filterset_class = DeliveryFilter
    order = ("-pk",)
