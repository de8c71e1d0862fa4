"""/configuration: apps, mappings and policies as one YAML text, its plan, and doing it."""

from collections.abc import Callable, Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam.models import ApiToken, Scope
from provisioning.api.problems import BadParameter, Conflict
from provisioning.api.shapes import Flag, Strict, Text
from provisioning.api.views import Api
from provisioning.configuration import applying, rights, stored, telling, writing
from provisioning.configuration.applying import Changed, Plan
from provisioning.configuration.document import Document, Problem, Unusable
from provisioning.configuration.reading import read
from provisioning.models import App

_APP = "app"


class TextShape(serializers.Serializer):
    text = serializers.CharField(help_text="YAML, as `manage.py export-config` writes it.")


class FileShape(Strict):
    text = Text(
        trim_whitespace=False,
        help_text="YAML, as it is exported. What it does not say stays as it is.",
    )
    prune = Flag(
        default=False, help_text="Delete the applications and policies that it does not have."
    )


class ConfirmedShape(FileShape):
    fingerprint = Text(max_length=100, help_text="That of the plan that was looked at.")


class FieldShape(serializers.Serializer):
    name = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class ChangeShape(serializers.Serializer):
    what = serializers.ChoiceField(["add", "change", "remove"])
    section = serializers.CharField()
    name = serializers.CharField()
    fields = FieldShape(many=True)  # type: ignore[assignment]


class PlanShape(serializers.Serializer):
    changes = ChangeShape(many=True)
    consequences = serializers.ListField(
        child=serializers.CharField(), help_text="What happens to people, and what to do next."
    )
    fingerprint = serializers.CharField(help_text="Stands for just these changes.")


class Configuration(Api):
    """Applications with their mappings, and policies, without secrets."""

    model = App
    scope = Scope.APPS

    def parameters(self) -> set[str]:
        return {_APP} if self.request.method == "GET" else set()

    @extend_schema(
        parameters=[OpenApiParameter(_APP, str, description="Only the one with this name.")],
        responses=TextShape,
    )
    def get(self, request: Request) -> Response:
        _refuse_without(request, rights.TO_READ)
        only = request.query_params.get(_APP, "")
        if only and not App.objects.filter(name=only).exists():
            raise BadParameter({_APP: "There is no application with just this name."})
        return Response({"text": writing.as_text(stored.exported(only))})


class ConfigurationPlan(Api):
    """What a configuration would change, without changing it."""

    scope = Scope.APPS
    right = "provisioning.change_app"

    @extend_schema(request=FileShape, responses=PlanShape)
    def post(self, request: Request) -> Response:
        return _done(request, FileShape(data=request.data), applying.plan)


class ConfigurationApply(Api):
    """Make everything as a configuration says, if that is still what its plan said."""

    scope = Scope.APPS
    right = "provisioning.change_app"

    @extend_schema(request=ConfirmedShape, responses=PlanShape)
    def post(self, request: Request) -> Response:
        return _done(request, ConfirmedShape(data=request.data), applying.apply)


def _done(request: Request, shape: FileShape, do: Callable[..., Plan]) -> Response:
    shape.is_valid(raise_exception=True)
    sent = shape.validated_data
    _refuse_without(request, rights.TO_READ)
    options = {"confirmed": sent["fingerprint"]} if "fingerprint" in sent else {}
    portal = request.build_absolute_uri("/")
    try:
        plan = do(_document(sent["text"]), prune=sent["prune"], portal=portal, **options)
    except Changed as error:
        raise Conflict(str(error)) from error
    # Whatever is raised from here on undoes what was done.
    _refuse_without(request, (right for each in plan.changes for right in rights.needed(each)))
    if plan.problems:
        raise _wrong(plan.problems)
    return Response(PlanShape(telling.as_document(plan)).data)


def _document(text: str) -> Document:
    try:
        return read(text.encode())
    except Unusable as error:
        raise _wrong(error.problems) from error


def _wrong(problems: list[Problem]) -> ValidationError:
    return ValidationError({"text": list(map(str, problems))})


def _refuse_without(request: Request, needed: Iterable[str]) -> None:
    """The operator's permissions, and for groups and attributes the scope of people as well."""
    token: Any = request.auth
    for right in needed:
        scope = Scope.PEOPLE if right.startswith("iam.") and ".view_" not in right else ""
        if scope and isinstance(token, ApiToken) and scope not in token.scopes:
            raise PermissionDenied(f"This was not done: the token lacks the scope “{scope}”.")
        if not request.user.has_perm(right):
            raise PermissionDenied(
                f"This was not done: the operator lacks the permission “{right}”."
            )
