"""/preview: what a change would lead to, without making it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam import actor
from iam.models import Scope, User
from provisioning import leaving, memberships, preview, trial
from provisioning.api import problems
from provisioning.api.applications import PolicyShape
from provisioning.api.people import ChangesShape, PairShape, UserShape
from provisioning.api.shapes import Flag, Number, Strict, StrictModel
from provisioning.api.views import Api
from provisioning.models import App, Policy
from provisioning.preview import Step
from provisioning.trial import Trial

_MEMBERSHIP, _USER, _POLICY, _APP, _LEAVER = "membership", "user", "policy", "app", "leaver"
_KINDS = {
    _MEMBERSHIP: "put people into groups and take others out: `add`, `remove`",
    _USER: "change a person, or delete one: `id` with `fields`, or with `delete`",
    _POLICY: "add a policy (`fields`), change or delete one: `id` with `fields`, or with `delete`",
    _APP: "nothing; what an application would be sent now, as things stand: `id`",
    _LEAVER: "remove a person everywhere: `id`",
}
_TAKES = {
    _MEMBERSHIP: {"add", "remove"},
    _USER: {"id", "fields", "delete"},
    _POLICY: {"id", "fields", "delete"},
    _APP: {"id"},
    _LEAVER: {"id"},
}


class ChangeShape(Strict):
    """A change that is not made."""

    kind = serializers.ChoiceField(choices=list(_KINDS.items()))
    id = Number(required=False, min_value=1, max_value=2**63 - 1)
    fields = serializers.DictField(  # type: ignore[assignment] # the metaclass takes it away
        required=False, help_text="As a PATCH of the person, or a POST or PATCH of the policy."
    )
    delete = Flag(required=False)
    add = PairShape(many=True, required=False)
    remove = PairShape(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs["kind"]
        for name in attrs.keys() - {"kind"}:
            if name not in _TAKES[kind]:
                known = ", ".join(sorted(_TAKES[kind]))
                raise ValidationError({name: f"“{kind}” does not take this. It takes: {known}."})
        if kind in {_USER, _APP, _LEAVER} and "id" not in attrs:
            raise ValidationError({"id": "Say whom or what it is about."})
        if kind in {_USER, _POLICY} and ("fields" in attrs) == bool(attrs.get("delete")):
            raise ValidationError({"fields": "Give either “fields” or “delete”: true."})
        if attrs.get("delete") and "id" not in attrs:
            raise ValidationError({"id": "Say what is deleted."})
        return attrs


class CountsShape(serializers.Serializer):
    app = serializers.IntegerField(source="app.pk")
    name = serializers.CharField(source="app.name")
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="How many accounts of each operation, and of “held”, “refused”, “switched_off”.",
    )
    hindered = serializers.SerializerMethodField(
        help_text="Why nothing is sent to the application now, if nothing is."
    )

    def get_hindered(self, summary: preview.Summary) -> list[str]:
        return list(preview.hindrances(summary.app))


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


class PreviewShape(serializers.Serializer):
    concerned = serializers.IntegerField(help_text="How many accounts would be looked at again.")
    looked_at = serializers.IntegerField(
        help_text=f"The first of them, at most {trial.LOOKED_AT:,}: the counts are about these."
    )
    apps = CountsShape(many=True, source="summaries")
    steps = serializers.SerializerMethodField(
        help_text=f"The first {trial.LISTED:,} with something to send or in the way."
    )

    @extend_schema(responses=StepShape(many=True))
    def get_steps(self, found: Trial) -> list[Any]:
        steps = [step for summary in found.summaries for step in summary.first]
        return list(StepShape(steps, many=True).data)


class Preview(Api):
    """What would be sent to which application for whom, if something were changed."""

    scope = Scope.READ
    right = "provisioning.view_account"

    @extend_schema(
        request=ChangeShape,
        responses={200: PreviewShape},
        description="\n".join(f"- `{kind}`: {what}" for kind, what in _KINDS.items()),
    )
    def post(self, request: Request) -> Response:
        """Try a change: nothing of it is kept, and nothing is sent."""
        shape = ChangeShape(data=request.data)
        shape.is_valid(raise_exception=True)
        change = shape.validated_data
        _refuse_without_right(request, change)
        return Response(PreviewShape(_TRIES[change["kind"]](change)).data)


def _refuse_without_right(request: Request, change: dict[str, Any]) -> None:
    """What an operator may not do, they may not try."""
    verb = "delete" if change.get("delete") else "change" if "id" in change else "add"
    needed: dict[str, tuple[str, ...]] = {
        _MEMBERSHIP: _rights_of_memberships(change),
        _USER: (f"iam.{verb}_user",),
        _POLICY: (f"provisioning.{verb}_policy",),
        _APP: ("provisioning.view_app",),
        _LEAVER: leaving.RIGHTS,
    }
    for right in needed[change["kind"]]:
        if not request.user.has_perm(right):
            raise PermissionDenied(f"The operator lacks the permission “{right}”.")


def _rights_of_memberships(change: dict[str, Any]) -> tuple[str, ...]:
    named = {"add": "iam.add_membership", "remove": "iam.delete_membership"}
    return tuple(right for name, right in named.items() if change.get(name))


# ----------------------------------------------------------------------------------- the changes


def _memberships(change: dict[str, Any]) -> Trial:
    shape = ChangesShape(data={name: change.get(name, []) for name in ("add", "remove")})
    shape.is_valid(raise_exception=True)
    return _tried(lambda: memberships.change(**shape.validated_data))


def _user(change: dict[str, Any]) -> Trial:
    person = _named(User.objects.all(), change["id"])
    return _tried(person.delete if change.get("delete") else _saving(UserShape, person, change))


def _policy(change: dict[str, Any]) -> Trial:
    if "id" not in change:
        return _tried(_saving(PolicyShape, None, change))
    policy = _named(Policy.objects.all(), change["id"])
    return _tried(policy.delete if change.get("delete") else _saving(PolicyShape, policy, change))


def _app(change: dict[str, Any]) -> Trial:
    return trial.told(preview.due(_named(App.objects.all(), change["id"])))


def _leaver(change: dict[str, Any]) -> Trial:
    person = _named(User.objects.all(), change["id"])
    return _tried(lambda: leaving.remove_everywhere(person, by=actor.current(), reason="preview"))


_TRIES: dict[str, Callable[[dict[str, Any]], Trial]] = {
    _MEMBERSHIP: _memberships,
    _USER: _user,
    _POLICY: _policy,
    _APP: _app,
    _LEAVER: _leaver,
}


def _tried(change: Callable[[], Any]) -> Trial:
    return trial.of(change, see=trial.told)


def _named(rows: QuerySet[Any], key: int) -> Any:
    found = rows.filter(pk=key).first()
    if found is None:
        raise ValidationError({"id": f"There is nothing with the id {key}."})
    return found


def _saving(shape: type[StrictModel], row: Any, change: dict[str, Any]) -> Callable[[], Any]:
    """As a POST or a PATCH would. What is wrong with a field is told where it stands here."""

    def save() -> None:
        serializer = shape(row, data=change["fields"], partial=row is not None)
        try:
            serializer.is_valid(raise_exception=True)
            serializer.save()
        except ValidationError as error:
            raise ValidationError({"fields": error.detail}) from error
        except Invalid as error:
            raise ValidationError({"fields": problems.fields(error)}) from error

    return save
