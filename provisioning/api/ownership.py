"""What a person decides through the API about whose an account is: adopt, relink, forget."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from iam import actor
from provisioning import evidence, ownership
from provisioning.api.problems import Conflict
from provisioning.api.shapes import Flag, Nothing, Strict, StrictModel, Text
from provisioning.models import Account

MAY_CHANGE = "provisioning.change_account"
_CONFIRM = "It is done all the same if that is right: send “confirm”: true."


class AccountShape(StrictModel):
    applied = serializers.SerializerMethodField(
        help_text="What was sent last, or seen when the account was adopted, by target. Of "
        "passwords and of values that are sensitive only “•••” is shown."
    )

    class Meta:
        model = Account
        fields = read_only_fields = [
            "id",
            "app",
            "user",
            "identifier",
            "external_id",
            "remote_id",
            "origin",
            "state",
            "problem",
            "message",
            "problem_since",
            "due_at",
            "attempts",
            "trigger",
            "actor",
            "kept_because",
            "forgotten_at",
            "applied",
            "deprovisioned_at",
            "checked_at",
            "created_at",
        ]

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_applied(self, account: Account) -> dict[str, Any]:
        # All rows, as they are read for a whole list at once: groups hold none that is sensitive.
        return evidence.shown(account.applied, account.app.mappings.all())


class ConfirmShape(Strict):
    confirm = Flag(required=False, default=False, help_text="Also if something speaks against it.")


class RelinkShape(ConfirmShape):
    remote_id = Text(max_length=500, help_text="The id that the application gives the account.")


class Owned:
    """For the view of accounts. Two of these ask the application, and take as long as it does."""

    @extend_schema(responses={200: AccountShape})
    @action(
        detail=True,
        methods=["post"],
        right=MAY_CHANGE,
        serializer_class=ConfirmShape,
        asks_outside=True,
    )
    def adopt(self: Any, request: Request, pk: str) -> Response:
        """Link the one account in the application that matches the person."""
        return _decided(self, request, ownership.adopt)

    @extend_schema(responses={200: AccountShape})
    @action(
        detail=True,
        methods=["post"],
        right=MAY_CHANGE,
        serializer_class=RelinkShape,
        asks_outside=True,
    )
    def relink(self: Any, request: Request, pk: str) -> Response:
        """Link the account with this id in the application, whichever was linked before."""
        return _decided(self, request, ownership.relink)

    @extend_schema(responses={200: AccountShape})
    @action(detail=True, methods=["post"], right=MAY_CHANGE, serializer_class=Nothing)
    def forget(self: Any, request: Request, pk: str) -> Response:
        """Manage the account no more. What is in the application stays as it is."""
        return _decided(self, request, ownership.forget)

    @extend_schema(responses={200: AccountShape})
    @action(
        detail=True,
        methods=["post"],
        url_path="manage-again",
        right=MAY_CHANGE,
        serializer_class=Nothing,
    )
    def manage_again(self: Any, request: Request, pk: str) -> Response:
        """Take up an account that was forgotten: looked for, adopted, or created."""
        return _decided(self, request, ownership.manage_again)


def _decided(view: Any, request: Request, decide: Callable[..., Account]) -> Response:
    account = view.get_object()
    serializer = view.get_serializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    given = dict(serializer.validated_data)
    if "confirm" in given:
        given["confirmed"] = given.pop("confirm")
    try:
        decided = decide(account, by=actor.current(), **given)
    except ownership.Unconfirmed as error:
        raise Conflict(f"{error} {_CONFIRM}") from error
    except ownership.Refused as error:
        raise Conflict(str(error)) from error
    return Response(AccountShape(decided).data)
