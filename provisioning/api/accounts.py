"""/accounts, /holds, /runs, /findings, /pushed-groups: how it stands, and what people decide."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam import actor
from iam.models import Scope
from provisioning import drift, group_guard, guard, queue, schedule
from provisioning.api.applications import DueShape
from provisioning.api.filtering import Key as KeyFilter
from provisioning.api.filtering import Name, YesNo
from provisioning.api.ownership import MAY_CHANGE, AccountShape, Owned
from provisioning.api.problems import Conflict
from provisioning.api.shapes import Flag, Key, Nothing, Number, Strict, StrictModel, Text
from provisioning.api.views import Read, Resource, created
from provisioning.models import (
    STATES,
    Account,
    App,
    Decision,
    Finding,
    Hold,
    Problem,
    PushedGroup,
    Run,
    Trigger,
)

AT_ONCE = 1_000
_MAY_PUSH = "provisioning.push_account"
_NOTHING = "Nothing was done: {} for this any more. Read it again."


class AccountFilter(django_filters.FilterSet):
    app = KeyFilter()
    user = KeyFilter()
    identifier = Name(field_name="identifier_key")
    state = django_filters.ChoiceFilter(choices=STATES)
    problem = django_filters.ChoiceFilter(choices=Problem.choices)

    class Meta:
        model = Account
        fields: list[str] = []


class Accounts(Owned, Read, Resource):
    """One person in one application: what was done last, and what stands in the way."""

    model = Account
    scope = Scope.ACCOUNTS
    queryset = Account.objects.prefetch_related("app__mappings")
    serializer_class = AccountShape
    filterset_class = AccountFilter

    @extend_schema(responses={202: DueShape})
    @action(detail=True, methods=["post"], right=_MAY_PUSH, serializer_class=Nothing)
    def push(self, request: Request, pk: str) -> Response:
        """Look at the account again now."""
        due = queue.mark_accounts(self._this(request), trigger=Trigger.MANUAL)
        return Response(DueShape({"due": due}).data, status=202)

    @extend_schema(responses={200: AccountShape})
    @action(
        detail=True,
        methods=["post"],
        url_path="put-right",
        right=MAY_CHANGE,
        serializer_class=Nothing,
    )
    def put_right(self, request: Request, pk: str) -> Response:
        """Overwrite what was changed in the application."""
        return self._decided(request, put_it_right=True)

    @extend_schema(responses={200: AccountShape})
    @action(detail=True, methods=["post"], right=MAY_CHANGE, serializer_class=Nothing)
    def leave(self, request: Request, pk: str) -> Response:
        """Leave what was changed in the application as it is."""
        return self._decided(request, put_it_right=False)

    @extend_schema(responses={200: AccountShape})
    @action(
        detail=True,
        methods=["post"],
        url_path="end-access",
        right=MAY_CHANGE,
        serializer_class=Nothing,
    )
    def end_access(self, request: Request, pk: str) -> Response:
        """Let go of an account that was kept by a decision on a hold."""
        return self._answer(guard.end_access(self._this(request), by=actor.current()))

    def _this(self, request: Request) -> Any:
        self.get_serializer(data=request.data).is_valid(raise_exception=True)
        return Account.objects.filter(pk=self.get_object().pk)

    def _decided(self, request: Request, *, put_it_right: bool) -> Response:
        asked = drift.open_questions(self._this(request))
        return self._answer(drift.decide(asked, put_it_right=put_it_right))

    def _answer(self, count: int) -> Response:
        if not count:
            raise Conflict(_NOTHING.format("the account does not wait"))
        return Response(AccountShape(self.get_object()).data)


# --------------------------------------------------------------------------------------- holds


class HoldShape(StrictModel):
    class Meta:
        model = Hold
        fields = read_only_fields = [
            "id",
            "app",
            "account",
            "pushed_group",
            "people",
            "identifier",
            "operation",
            "why",
            "held_at",
            "decision",
            "decided_at",
            "decided_by",
            "reason",
        ]


class DecisionShape(Strict):
    """Which holds, and why they are decided so."""

    holds = serializers.ListField(
        child=Number(min_value=1, max_value=2**63 - 1), min_length=1, max_length=AT_ONCE
    )
    reason = Text(max_length=1_000, help_text="Kept with the decision, for whoever asks later.")

    def validate_holds(self, keys: list[int]) -> list[int]:
        unknown = set(keys) - set(Hold.objects.filter(pk__in=keys).values_list("pk", flat=True))
        if unknown:
            raise ValidationError(f"There is no hold with the id {min(unknown)}.")
        return keys


class DecidedShape(serializers.Serializer):
    decided = serializers.IntegerField(help_text="How many of them still waited.")


class HoldFilter(django_filters.FilterSet):
    app = KeyFilter()
    account = KeyFilter()
    decision = django_filters.ChoiceFilter(choices=Decision.choices)

    class Meta:
        model = Hold
        fields: list[str] = []


class Holds(Read, Resource):
    """Removals that wait for a person, and what was decided about them."""

    model = Hold
    scope = Scope.HOLDS
    queryset = Hold.objects.all()
    serializer_class = HoldShape
    filterset_class = HoldFilter

    @extend_schema(responses={200: DecidedShape})
    @action(
        detail=False,
        methods=["post"],
        right="provisioning.change_hold",
        serializer_class=DecisionShape,
    )
    def release(self, request: Request) -> Response:
        """Let these people lose access."""
        return self._decide(request, group_guard.release)

    @extend_schema(responses={200: DecidedShape})
    @action(
        detail=False,
        methods=["post"],
        right="provisioning.change_hold",
        serializer_class=DecisionShape,
    )
    def reject(self, request: Request) -> Response:
        """Keep these accounts as they are for as long as nothing changes."""
        return self._decide(request, group_guard.reject)

    def _decide(self, request: Request, decide: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        found = Hold.objects.filter(pk__in=serializer.validated_data["holds"])
        reason = serializer.validated_data["reason"]
        count = decide(found, by=actor.current(), reason=reason)
        if not count:
            raise Conflict(_NOTHING.format("none of these holds waits"))
        return Response(DecidedShape({"decided": count}).data)


# ---------------------------------------------------------------------------------------- runs


class RunShape(StrictModel):
    app = Key(queryset=App.objects.all())
    dry = Flag(required=False, default=False, help_text="Only look, change nothing.")

    class Meta:
        model = Run
        fields = [
            "id",
            "app",
            "dry",
            "actor",
            "started_at",
            "ended_at",
            "listed",
            "expected",
            "same",
            "changed",
            "missing",
            "unknown",
            "complete",
            "message",
        ]
        read_only_fields = [name for name in fields if name not in {"app", "dry"}]

    def validate_app(self, app: App) -> App:
        if not app.kind.lists_accounts:
            raise ValidationError(f"{app.kind.label} cannot list its accounts.")
        return app

    def create(self, validated_data: dict[str, Any]) -> Run:
        app, dry = validated_data["app"], validated_data["dry"]
        try:
            return schedule.ask_for(app, dry=dry, by=actor.current())
        except schedule.Refused as error:
            raise Conflict(str(error)) from error


class RunFilter(django_filters.FilterSet):
    app = KeyFilter()
    ended = YesNo(field_name="ended_at", lookup_expr="isnull", exclude=True)
    complete = YesNo()

    class Meta:
        model = Run
        fields: list[str] = []


class Runs(Read, Resource):
    """Comparisons of all accounts of an application with the application itself."""

    model = Run
    scope = Scope.APPS
    queryset = Run.objects.select_related("app")
    # What is there is known once it has been compared.
    foreseeable = False
    serializer_class = RunShape
    filterset_class = RunFilter

    def create(self, request: Request) -> Response:
        """Start one, or join the one that is under way. A worker carries it out."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return created(self, serializer.save())


class FindingShape(StrictModel):
    class Meta:
        model = Finding
        fields = read_only_fields = [
            "id",
            "run",
            "kind",
            "account",
            "identifier",
            "remote_id",
            "message",
            "outcome",
        ]


class FindingFilter(django_filters.FilterSet):
    run = KeyFilter()
    account = KeyFilter()
    kind = django_filters.ChoiceFilter(choices=Finding.Kind.choices)
    outcome = django_filters.ChoiceFilter(choices=Finding.Outcome.choices)

    class Meta:
        model = Finding
        fields: list[str] = []


class Findings(Read, Resource):
    """Accounts that a comparison found to be other than they should be."""

    model = Finding
    queryset = Finding.objects.all()
    serializer_class = FindingShape
    filterset_class = FindingFilter


# ------------------------------------------------------------------------------- pushed groups


class PushedGroupShape(StrictModel):
    class Meta:
        model = PushedGroup
        fields = read_only_fields = [
            "id",
            "app",
            "group",
            "name",
            "external_id",
            "remote_id",
            "origin",
            "state",
            "problem",
            "message",
            "problem_since",
            "guard",
            "due_at",
            "attempts",
            "trigger",
            "actor",
            "checked_at",
            "created_at",
        ]


class PushedGroupFilter(django_filters.FilterSet):
    app = KeyFilter()
    group = KeyFilter()
    state = django_filters.ChoiceFilter(choices=STATES)
    problem = django_filters.ChoiceFilter(choices=Problem.choices)

    class Meta:
        model = PushedGroup
        fields: list[str] = []


class PushedGroups(Read, Resource):
    """Groups that are kept in applications."""

    model = PushedGroup
    queryset = PushedGroup.objects.all()
    serializer_class = PushedGroupShape
    filterset_class = PushedGroupFilter
