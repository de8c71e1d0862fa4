"""/apps, /mappings and /policies: what there is, what it gets of people, and who gets it."""

from functools import partial
from typing import Any

import django_filters
from django.db.models import Max
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam.models import Scope
from provisioning import apps_setup, connectors, queue
from provisioning.api import by_form
from provisioning.api.filtering import Key as KeyFilter
from provisioning.api.filtering import YesNo
from provisioning.api.shapes import Nothing, StrictModel, Text
from provisioning.api.views import Create, Delete, Read, Resource, Update
from provisioning.forms import AppForm, NewAppForm, app_form, filled_in, place, refused
from provisioning.mapping_forms import GroupMappingForm, MappingForm, sent
from provisioning.models import App, Mapping, Policy
from provisioning.models import Resource as About
from provisioning.plan import Feature

_MAY_CHANGE = "provisioning.change_app"
_LONGEST = 20_000
# What the page of an application asks for beside its settings, secrets and features.
_SWITCHES = [name for name in AppForm.Meta.fields if name != "name"]


class Values(serializers.DictField):
    """Texts by the keys of the connector's settings."""

    child = Text(allow_blank=True, max_length=_LONGEST, trim_whitespace=False)


class AppShape(StrictModel):
    """Secrets go in and never come out: only which of them are stored is shown."""

    settings = Values(required=False, help_text="By key; what is not named stays as it is.")
    secrets = Values(
        required=False,
        write_only=True,
        help_text="By key; what is not named stays stored. Never shown.",
    )
    secrets_stored = serializers.SerializerMethodField(
        help_text="Which secrets are stored; never what they are."
    )
    features = serializers.ListField(
        child=serializers.ChoiceField([feature.value for feature in Feature]),
        required=False,
        help_text="What may be done there; replaces what was switched on before.",
    )

    class Meta:
        model = App
        fields = [
            "id",
            "name",
            "connector",
            "settings",
            "secrets",
            "secrets_stored",
            "features",
            *_SWITCHES,
            "created_at",
            "changed_at",
        ]
        read_only_fields = ["created_at", "changed_at"]

    def get_fields(self) -> Any:
        fields = super().get_fields()
        if self.instance is not None:
            fields["connector"].read_only = True
        return fields

    def get_secrets_stored(self, app: App) -> list[str]:
        return sorted(app.stored_secrets)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = self.instance.kind if self.instance else connectors.catalogue()[attrs["connector"]]
        if errors := by_form.nested(refused(kind, attrs)):
            raise ValidationError(errors)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> App:
        names = {name: validated_data.pop(name) for name in ("name", "connector")}
        form = NewAppForm(names)
        if not form.is_valid():
            by_form.saved(form)
        app = apps_setup.create(form.save(commit=False))
        return self.update(app, validated_data) if validated_data else app

    def update(self, instance: App, validated_data: dict[str, Any]) -> App:
        portal = self.context["request"].build_absolute_uri("/")
        kind = app_form(instance, portal=portal)
        form = kind(filled_in(instance, validated_data), instance=instance)
        app: App = by_form.saved(form, named=partial(place, instance))
        apps_setup.complete(app)
        return app


class AppFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(max_length=100)
    connector = django_filters.CharFilter(max_length=50)
    paused = YesNo()

    class Meta:
        model = App
        fields: list[str] = []


class DueShape(serializers.Serializer):
    due = serializers.IntegerField(help_text="How many accounts are looked at again now.")


class CheckShape(serializers.Serializer):
    worked = serializers.BooleanField()
    message = serializers.CharField(help_text="What was found, and what to do next.")


class Apps(Read, Create, Update, Delete, Resource):
    """Applications that accounts are kept in."""

    model = App
    scope = Scope.APPS
    queryset = App.objects.prefetch_related("chosen_groups")
    serializer_class = AppShape
    filterset_class = AppFilter

    @extend_schema(responses={202: DueShape})
    @action(detail=True, methods=["post"], right=_MAY_CHANGE, serializer_class=Nothing)
    def push(self, request: Request, pk: str) -> Response:
        """Look at all accounts and groups of the application again now."""
        due = queue.push_now(self._this(request))
        return Response(DueShape({"due": due}).data, status=202)

    @extend_schema(responses={200: CheckShape})
    @action(
        detail=True,
        methods=["post"],
        right=_MAY_CHANGE,
        serializer_class=Nothing,
        asks_outside=True,
    )
    def test(self, request: Request, pk: str) -> Response:
        """Reach the application with what is stored. Takes as long as it takes to answer."""
        worked, message = apps_setup.check_connection(self._this(request))
        return Response(CheckShape({"worked": worked, "message": message}).data)

    def _this(self, request: Request) -> Any:
        self.get_serializer(data=request.data).is_valid(raise_exception=True)
        return self.get_object()


# ------------------------------------------------------------------------------------ mappings


class MappingShape(StrictModel):
    class Meta:
        model = Mapping
        fields = [
            "id",
            "app",
            "resource",
            "target",
            "kind",
            "source",
            "when_empty",
            "default",
            "apply",
            "match",
            "sensitive",
            "position",
        ]
        read_only_fields = ["position"]

    def get_fields(self) -> Any:
        fields = super().get_fields()
        if self.instance is not None:
            fields["app"].read_only = fields["resource"].read_only = True
        return fields

    def create(self, validated_data: dict[str, Any]) -> Mapping:
        app = validated_data.pop("app")
        last = app.mappings.aggregate(last=Max("position"))["last"]
        row = Mapping(
            app=app,
            resource=validated_data.pop("resource", About.USER),
            position=0 if last is None else last + 1,
        )
        return self.update(row, validated_data)

    def update(self, instance: Mapping, validated_data: dict[str, Any]) -> Mapping:
        group = instance.resource == About.GROUP
        base = GroupMappingForm if group else MappingForm
        kind = type("ApiMappingForm", (base,), {"kind": instance.app.kind})
        form = kind(sent(instance, validated_data), instance=instance)
        if form.is_valid():
            # The page's form leaves this to the set of all rows.
            form.instance.validate_constraints()
            _one_place(form)
        row: Mapping = by_form.saved(form)
        return row


def _one_place(form: MappingForm) -> None:
    """Accounts are found by one row in each place."""
    row = form.instance
    others = row.app.mappings.of_people().exclude(pk=row.pk)
    if row.match is not None and (other := others.filter(match=row.match).first()):
        form.add_error("match", f"“{other.target}” has this place. Choose another one.")


class MappingFilter(django_filters.FilterSet):
    app = KeyFilter()
    resource = django_filters.ChoiceFilter(choices=About.choices)

    class Meta:
        model = Mapping
        fields: list[str] = []


class Mappings(Read, Create, Update, Delete, Resource):
    """Rows of the mappings: what of a person or a group goes where in an application."""

    model = Mapping
    scope = Scope.APPS
    queryset = Mapping.objects.select_related("app")
    serializer_class = MappingShape
    filterset_class = MappingFilter


# ------------------------------------------------------------------------------------ policies


class PolicyShape(StrictModel):
    class Meta:
        model = Policy
        fields = ["id", "name", "app", "group", "login_method", "enabled", "created_at"]
        read_only_fields = ["created_at"]


class PolicyFilter(django_filters.FilterSet):
    app = KeyFilter()
    group = KeyFilter()
    enabled = YesNo()

    class Meta:
        model = Policy
        fields: list[str] = []


class Policies(Read, Create, Update, Delete, Resource):
    """Which group gets which application."""

    model = Policy
    scope = Scope.APPS
    queryset = Policy.objects.all()
    serializer_class = PolicyShape
    filterset_class = PolicyFilter
