"""/users, /profile-attributes, /groups, /memberships, /nestings: who there is, and where."""

from typing import Any

import django_filters
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iam import actor, roles, text
from iam.models import Group, GroupNesting, Membership, ProfileAttribute, Scope, User
from provisioning import leaving, memberships
from provisioning.api.filtering import Key as KeyFilter
from provisioning.api.filtering import Name, YesNo
from provisioning.api.shapes import Number, Strict, StrictModel, Text
from provisioning.api.views import Create, Delete, Read, Resource, Update

_PERSON = ("username", "is_active", "first_name", "last_name", "display_name", "email", "phone")
_WORK = ("title", "department", "manager", "employee_id", "locale", "timezone", "custom")
_LONGEST = 1_000
AT_ONCE = 1_000


class Custom(serializers.DictField):
    """The custom attributes that are filled in, by their keys."""

    child = Text(allow_blank=True, allow_null=True, max_length=_LONGEST, validators=[text.plain])

    def to_internal_value(self, data: Any) -> dict[str, str | None]:
        values: dict[str, str | None] = super().to_internal_value(data)
        known = set(ProfileAttribute.objects.values_list("key", flat=True)) if values else set()
        if unknown := sorted(set(values) - known):
            told = ", ".join(sorted(known)) or "none"
            said = f"There is no profile attribute with this key. Known are: {told}."
            raise ValidationError(dict.fromkeys(unknown[:20], said))
        return values


class UserShape(StrictModel):
    custom = Custom(
        required=False,
        help_text="Custom attributes by key. Keys that are not named stay as they are; null or an "
        "empty text empties one.",
    )

    class Meta:
        model = User
        fields = ["id", *_PERSON, *_WORK, "external_id", "source", "created_at", "changed_at"]
        read_only_fields = ["external_id", "source", "created_at", "changed_at"]

    def create(self, validated_data: dict[str, Any]) -> User:
        return self.update(User(), validated_data)

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        custom = {**instance.custom, **validated_data.pop("custom", {})}
        validated_data["custom"] = {key: value for key, value in custom.items() if value}
        updated: User = super().update(instance, validated_data)
        return updated


class UserFilter(django_filters.FilterSet):
    username = Name(field_name="username_key")
    email = django_filters.CharFilter(lookup_expr="iexact", max_length=254)
    is_active = YesNo()
    group = KeyFilter(field_name="memberships__group")

    class Meta:
        model = User
        fields: list[str] = []


class ReasonShape(Strict):
    reason = Text(max_length=1_000, help_text="Kept with it, for whoever asks later.")


class RemovedShape(serializers.Serializer):
    groups = serializers.ListField(
        child=serializers.CharField(), help_text="The groups that the person was taken out of."
    )
    undoing = serializers.CharField(help_text="How to bring the person back.")
    certificate = serializers.CharField(help_text="Where to watch what becomes of their access.")


class Users(Read, Create, Update, Delete, Resource):
    """People whose accounts are kept. What is changed here follows in every application."""

    model = User
    scope = Scope.PEOPLE
    queryset = User.objects.all()
    serializer_class = UserShape
    filterset_class = UserFilter

    @extend_schema(responses={202: RemovedShape})
    @action(
        detail=True,
        methods=["post"],
        url_path="remove-everywhere",
        right=leaving.RIGHTS[0],
        serializer_class=ReasonShape,
    )
    def remove_everywhere(self, request: Request, pk: str) -> Response:
        """Switch the person off and take them out of every group; their access ends everywhere."""
        for right in leaving.RIGHTS:
            if not request.user.has_perm(right):
                raise PermissionDenied(f"The operator lacks the permission “{right}”.")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        person, reason = self.get_object(), serializer.validated_data["reason"]
        row = leaving.remove_everywhere(person, by=actor.current(), reason=reason)
        told = {
            "groups": row.groups,
            "undoing": leaving.undoing(row),
            "certificate": reverse("api-users-certificate", args=[person.pk]),
        }
        return Response(RemovedShape(told).data, status=202)


class ProfileAttributeShape(StrictModel):
    class Meta:
        model = ProfileAttribute
        fields = ["id", "key", "label", "help_text", "position"]

    def get_fields(self) -> Any:
        fields = super().get_fields()
        if self.instance is not None:
            # People's values and mappings are kept under the key.
            fields["key"].read_only = True
        return fields


class ProfileAttributeFilter(django_filters.FilterSet):
    key = django_filters.CharFilter(max_length=50)

    class Meta:
        model = ProfileAttribute
        fields: list[str] = []


class ProfileAttributes(Read, Create, Update, Delete, Resource):
    """Custom fields on every person; what they hold is in `custom` of `/users/`."""

    model = ProfileAttribute
    scope = Scope.PEOPLE
    queryset = ProfileAttribute.objects.all()
    serializer_class = ProfileAttributeShape
    filterset_class = ProfileAttributeFilter


class GroupShape(StrictModel):
    class Meta:
        model = Group
        fields = ["id", "name", "description", "open_to_help_desk", "source", "created_at"]
        read_only_fields = ["source", "created_at"]


class GroupFilter(django_filters.FilterSet):
    name = Name(field_name="name_key")
    user = KeyFilter(field_name="memberships__user")

    class Meta:
        model = Group
        fields: list[str] = []


class Groups(Read, Create, Update, Delete, Resource):
    """Groups of people; policies say what they get."""

    model = Group
    scope = Scope.PEOPLE
    queryset = Group.objects.all()
    serializer_class = GroupShape
    filterset_class = GroupFilter


class MembershipShape(StrictModel):
    class Meta:
        model = Membership
        fields = ["id", "user", "group", "added_at", "added_by", "source"]
        read_only_fields = ["added_at", "added_by", "source"]

    def validate_group(self, group: Group) -> Group:
        _refuse_closed(self.context["request"], group.pk)
        return group

    def create(self, validated_data: dict[str, Any]) -> Any:
        return super().create({**validated_data, "added_by": actor.current()})


def _refuse_closed(request: Request, *groups: int) -> None:
    """The help desk changes only who is in the groups that are open to it."""
    if refusal := roles.refusal(request.user, groups):
        raise PermissionDenied(refusal)


class MembershipFilter(django_filters.FilterSet):
    user = KeyFilter()
    group = KeyFilter()

    class Meta:
        model = Membership
        fields: list[str] = []


class PairShape(Strict):
    """One person in one group."""

    user = Number(min_value=1, max_value=2**63 - 1)
    group = Number(min_value=1, max_value=2**63 - 1)


class ChangesShape(Strict):
    """Who is put into which groups, and who is taken out: all of it, or nothing."""

    add = PairShape(many=True, required=False, default=list)
    remove = PairShape(many=True, required=False, default=list)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        pairs = {name: [(each["user"], each["group"]) for each in attrs[name]] for name in attrs}
        if not 0 < sum(map(len, pairs.values())) <= AT_ONCE:
            raise ValidationError(f"Name 1 to {AT_ONCE:,} memberships in “add” and “remove”.")
        if both := set(pairs["add"]) & set(pairs["remove"]):
            user, group = min(both)
            raise ValidationError(f"User {user} is both added to group {group} and removed.")
        _refuse_strangers(pairs)
        return pairs


def _refuse_strangers(pairs: dict[str, list[memberships.Pair]]) -> None:
    """Two queries, however many pairs there are."""
    users = {user for each in pairs.values() for user, _ in each}
    groups = {group for each in pairs.values() for _, group in each}
    users -= set(User.objects.filter(pk__in=users).values_list("pk", flat=True))
    groups -= set(Group.objects.filter(pk__in=groups).values_list("pk", flat=True))
    errors: dict[str, Any] = {}
    for name, each in pairs.items():
        for number, (user, group) in enumerate(each):
            said = {"user": _nobody(user, users), "group": _nobody(group, groups)}
            if found := {field: text for field, text in said.items() if text}:
                errors.setdefault(name, {})[number] = found
    if errors:
        raise ValidationError(errors)


def _nobody(key: int, unknown: set[int]) -> str:
    return f"There is nothing with the id {key}." if key in unknown else ""


class DoneShape(serializers.Serializer):
    added = serializers.IntegerField(help_text="How many were not in before.")
    removed = serializers.IntegerField(help_text="How many were in before.")


class Memberships(Read, Create, Delete, Resource):
    """Who is in which group."""

    model = Membership
    scope = Scope.PEOPLE
    queryset = Membership.objects.all()
    serializer_class = MembershipShape
    filterset_class = MembershipFilter

    def destroy(self, request: Request, pk: str) -> Response:
        _refuse_closed(request, self.get_object().group_id)
        return super().destroy(request, pk)

    @extend_schema(responses={200: DoneShape})
    @action(detail=False, methods=["post"], serializer_class=ChangesShape)
    def bulk(self, request: Request) -> Response:
        """Add and remove up to 1,000 memberships: all of them, or none."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self._refuse_without_right(request, serializer.validated_data)
        added, removed = memberships.change(**serializer.validated_data)
        return Response(DoneShape({"added": added, "removed": removed}).data)

    def _refuse_without_right(self, request: Request, pairs: dict[str, Any]) -> None:
        if pairs["remove"] and not request.user.has_perm("iam.delete_membership"):
            raise PermissionDenied("The operator lacks the permission “iam.delete_membership”.")
        _refuse_closed(request, *{group for each in pairs.values() for _, group in each})


class NestingShape(StrictModel):
    class Meta:
        model = GroupNesting
        fields = ["id", "parent", "child", "added_at", "added_by"]
        read_only_fields = ["added_at", "added_by"]

    def create(self, validated_data: dict[str, Any]) -> Any:
        return super().create({**validated_data, "added_by": actor.current()})


class NestingFilter(django_filters.FilterSet):
    parent = KeyFilter()
    child = KeyFilter()

    class Meta:
        model = GroupNesting
        fields: list[str] = []


class Nestings(Read, Create, Delete, Resource):
    """Which groups hold which: who is in the child belongs to the parent too."""

    model = GroupNesting
    scope = Scope.PEOPLE
    queryset = GroupNesting.objects.all()
    serializer_class = NestingShape
    filterset_class = NestingFilter
