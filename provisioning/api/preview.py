"""/preview: what a change would lead to, without making it."""

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam.models import Scope
from provisioning import group_preview, preview, trial
from provisioning.api import problems, within
from provisioning.api.authentication import READS
from provisioning.api.problems import BadParameter
from provisioning.api.shapes import Strict, Text
from provisioning.api.views import Api
from provisioning.group_preview import GroupStep
from provisioning.models import App
from provisioning.preview import Step
from provisioning.trial import InApp, Trial

_APP = "app"


class ChangeShape(Strict):
    """The request that would make a change. It is not sent."""

    method = serializers.ChoiceField(["POST", "PATCH", "DELETE"])
    path = Text(max_length=200, help_text="Its address, such as `/api/v1/users/17/`.")
    body = serializers.DictField(required=False, default=dict, help_text="What it would send.")


class InAppShape(serializers.Serializer):
    app = serializers.IntegerField(source="app.pk")
    name = serializers.CharField(source="app.name")
    counts = serializers.DictField(
        source="accounts.counts",
        child=serializers.IntegerField(),
        help_text="How many accounts of each operation, and of “held”, “refused”, “switched_off”. "
        "“forget”: they stay as they are, and are not kept right any more.",
    )
    group_counts = serializers.DictField(
        source="groups.counts",
        child=serializers.IntegerField(),
        help_text="How many groups there of each operation, and of the same as of accounts.",
    )
    hindered = serializers.SerializerMethodField(
        help_text="Why nothing is sent to the application now, if nothing is."
    )

    def get_hindered(self, found: InApp) -> list[str]:
        return list(preview.hindrances(found.app))


class AttributeShape(serializers.Serializer):
    target = serializers.CharField(source="path")
    old = serializers.JSONField(help_text="What was sent last; null for nothing.")
    new = serializers.JSONField(help_text="What would be sent; null empties it.")


class StepShape(serializers.Serializer):
    app = serializers.IntegerField(source="account.app_id")
    user = serializers.IntegerField(source="account.user_id", allow_null=True)
    identifier = serializers.CharField(source="account.identifier")
    operation = serializers.CharField(source="action.operation.value")
    held = serializers.BooleanField(help_text="It would wait for a decision under Holds.")
    refused = serializers.CharField(help_text="Why it cannot be sent; empty if it can.")
    text = serializers.SerializerMethodField(help_text="The same as a sentence.")
    changes = AttributeShape(many=True)

    def get_text(self, step: Step) -> str:
        return preview.in_words(step)


class GroupStepShape(serializers.Serializer):
    app = serializers.IntegerField(source="pushed.app_id")
    group = serializers.IntegerField(source="pushed.group_id", allow_null=True)
    name = serializers.CharField(source="pushed.name")
    operation = serializers.CharField(source="action.operation.value")
    added = serializers.IntegerField(source="joining", help_text="How many people would join it.")
    taken_out = serializers.IntegerField(source="leaving", help_text="How many would leave it.")
    held = serializers.BooleanField(help_text="It would wait for a decision under Holds.")
    refused = serializers.CharField(help_text="Why it cannot be sent; empty if it can.")
    text = serializers.SerializerMethodField(help_text="The same as a sentence.")
    changes = AttributeShape(many=True, source="action.changes")

    def get_text(self, step: GroupStep) -> str:
        return group_preview.in_words(step)


class PreviewShape(serializers.Serializer):
    concerned = serializers.IntegerField(help_text="How many accounts would be looked at again.")
    looked_at = serializers.IntegerField(
        help_text=f"The first of them, at most {trial.LOOKED_AT:,}: the counts are about these."
    )
    apps = InAppShape(many=True)
    steps = serializers.SerializerMethodField(
        help_text=f"The first {trial.LISTED:,} accounts with something to send or in the way."
    )
    groups = serializers.SerializerMethodField(
        help_text=f"The same of groups there, {trial.LISTED:,} of each application: as they would "
        "be once the accounts are."
    )

    @extend_schema(responses=StepShape(many=True))
    def get_steps(self, found: Trial) -> list[Any]:
        steps = [step for each in found.apps for step in each.accounts.first]
        return list(StepShape(steps, many=True).data)

    @extend_schema(responses=GroupStepShape(many=True))
    def get_groups(self, found: Trial) -> list[Any]:
        steps = [step for each in found.apps for step in each.groups.first]
        return list(GroupStepShape(steps, many=True).data)


class Preview(Api):
    """What would be sent to which application for whom: now, or if something were changed."""

    scope = Scope.READ
    right = "provisioning.view_account"
    foreseeable = False

    def parameters(self) -> set[str]:
        return {_APP} if self.request.method in READS else set()

    @extend_schema(
        parameters=[
            OpenApiParameter(
                _APP, {"type": "integer", "minimum": 1}, required=True, description="Which one."
            )
        ],
        responses=PreviewShape,
    )
    def get(self, request: Request) -> Response:
        """Look what one application would be sent now, as things stand."""
        return Response(PreviewShape(trial.as_things_stand(_app(request))).data)

    @extend_schema(request=ChangeShape, responses={200: PreviewShape})
    def post(self, request: Request) -> Response:
        """Try any request of this API that changes something: nothing of it is kept or sent.

        It takes the permissions that the request itself takes, and is refused what that would be
        refused. Not to be tried is what asks another system.
        """
        shape = ChangeShape(data=request.data)
        shape.is_valid(raise_exception=True)
        return Response(PreviewShape(_tried(request, shape.validated_data)).data)


def _app(request: Request) -> App:
    key = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    try:
        asked = key.run_validation(request.query_params.get(_APP, ""))
    except ValidationError as error:
        raise BadParameter({_APP: error.detail}) from error
    app = App.objects.filter(pk=asked).select_related("lane").first()
    if app is None:
        raise BadParameter({_APP: f"There is nothing with the id {asked}."})
    return app


def _tried(request: Request, change: dict[str, Any]) -> Trial:
    """What is wrong with the change is told where it stands here."""
    make = within.asked(request, **change)
    try:
        return trial.told(make)
    except Http404 as error:
        raise ValidationError({"path": within.NOTHING}) from error
    except ValidationError as error:
        raise ValidationError({"body": error.detail}) from error
    except Invalid as error:
        raise ValidationError({"body": problems.fields(error)}) from error
