"""/api/v1/events/ and certificates: the reports for programs, as the pages give them."""

from typing import Any

from django.urls import path, re_path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from iam.models import User
from provisioning import steps
from provisioning.api.authentication import acting
from provisioning.api.problems import BadParameter
from provisioning.api.shapes import StrictModel
from provisioning.api.views import Read, Resource
from provisioning.models import Event, Evidence
from reports import certificate, curl
from reports.filters import ReportFilter
from reports.standing import STANDING_LABELS


class EventShape(StrictModel):
    class Meta:
        model = Event
        fields = read_only_fields = list(Event.TOLD)


class StepShape(serializers.Serializer):
    name = serializers.CharField(
        help_text="scope, matched, planned, sent, answered or verified, in this order."
    )
    title = serializers.CharField()
    sentences = serializers.ListField(child=serializers.CharField())


class EvidenceChangeShape(serializers.Serializer):
    target = serializers.CharField(help_text="The attribute in the application.")
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class RequestShape(serializers.Serializer):
    method = serializers.CharField()
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.JSONField(allow_null=True)


class ResponseShape(serializers.Serializer):
    status = serializers.IntegerField()
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.JSONField(allow_null=True)


class ExchangeShape(serializers.Serializer):
    """What was asked and answered; secrets and sensitive values are “•••”."""

    request = RequestShape()
    response = ResponseShape(allow_null=True)
    error = serializers.CharField(help_text="Why no answer could be read, if none could.")
    seconds = serializers.FloatField()
    curl = serializers.SerializerMethodField(help_text="With $TOKEN in the place of the secret.")

    def get_curl(self, exchange: dict[str, Any]) -> str:
        return curl.command(exchange["request"])


class WayShape(serializers.Serializer):
    policy = serializers.CharField()
    groups = serializers.ListField(
        child=serializers.CharField(), help_text="From the person's own up to the policy's."
    )


class ScopeShape(serializers.Serializer):
    """Why somebody was to have the application at that moment, or not."""

    wanted = serializers.BooleanField()
    ways = WayShape(many=True)
    others = serializers.IntegerField(help_text="How many ways more there were.")
    why = serializers.CharField(help_text="Where no policy is the reason.")


class EvidenceShape(serializers.Serializer):
    scope = serializers.SerializerMethodField()
    changes = EvidenceChangeShape(many=True)
    values = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        help_text="What every mapped attribute was to hold.",
    )
    exchanges = serializers.SerializerMethodField()
    left_out = serializers.IntegerField(help_text="How many requests between them are not kept.")

    @extend_schema_field(ScopeShape(allow_null=True))
    def get_scope(self, evidence: Evidence) -> Any:
        return ScopeShape(evidence.scope).data if evidence.scope else None

    @extend_schema_field(ExchangeShape(many=True))
    def get_exchanges(self, evidence: Evidence) -> Any:
        return ExchangeShape(steps.exchanges(evidence), many=True).data


class EventWithEvidenceShape(EventShape):
    """One event with how it came about."""

    steps = serializers.SerializerMethodField(help_text="In their order, in plain words.")
    evidence = serializers.SerializerMethodField(help_text="Null once it is not kept any more.")

    class Meta(EventShape.Meta):
        fields = read_only_fields = [*EventShape.Meta.fields, "steps", "evidence"]

    @extend_schema_field(StepShape(many=True))
    def get_steps(self, event: Event) -> Any:
        return StepShape(steps.of(event, self._evidence(event)), many=True).data

    @extend_schema_field(EvidenceShape(allow_null=True))
    def get_evidence(self, event: Event) -> Any:
        evidence = self._evidence(event)
        return EvidenceShape(evidence).data if evidence is not None else None

    def _evidence(self, event: Event) -> Evidence | None:
        return getattr(event, "evidence", None)


class Events(Read, Resource):
    """What was done, to whom, where, with what result; the newest first."""

    model = Event
    right = "reports.view_provisioningreport"
    queryset = Event.objects.all()
    serializer_class = EventShape
    filterset_class = ReportFilter
    order = ("-at", "-pk")

    def get_serializer_class(self) -> Any:
        return EventWithEvidenceShape if self.action == "retrieve" else EventShape

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        one = self.action == "retrieve"
        return found.select_related("app", "evidence__same_as") if one else found


class RemovalShape(serializers.Serializer):
    sentence = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    standing = serializers.ChoiceField(choices=list(STANDING_LABELS.items()))


class LineShape(serializers.Serializer):
    app = serializers.IntegerField()
    app_name = serializers.CharField()
    standing = serializers.ChoiceField(choices=list(STANDING_LABELS.items()))
    what = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True, help_text="When it was removed.")
    because_of = serializers.CharField()
    by = serializers.CharField(help_text="Who set it off.")
    why = serializers.CharField()
    to_do = serializers.CharField(help_text="What helps, where something is left.")
    groups = RemovalShape(many=True, help_text="Groups there that the account is in, or was in.")


class StartedShape(serializers.Serializer):
    at = serializers.DateTimeField()
    by = serializers.CharField()
    reason = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    undoing = serializers.CharField(help_text="How to bring the person back.")


class CertificateShape(serializers.Serializer):
    name = serializers.CharField()
    identifier = serializers.CharField()
    user = serializers.IntegerField(allow_null=True, help_text="Null if they were deleted here.")
    is_active = serializers.BooleanField()
    verdict = serializers.CharField(help_text="The whole in a sentence.")
    complete = serializers.BooleanField(help_text="Whether nothing of their access is left.")
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    time_zone = serializers.CharField()
    started = StartedShape(allow_null=True, help_text="Who removed them everywhere, if anybody.")
    lines = LineShape(many=True, help_text="One for each application.")


class Certificates(Resource):
    """What became of a person's access, application by application."""

    right = "reports.view_provisioningreport"
    queryset = User.objects.all()
    serializer_class = CertificateShape

    def parameters(self) -> set[str]:
        return {"identifier"} if self.action == "of_deleted" else set()

    def of_person(self, request: Request, pk: str) -> Response:
        """The leaver certificate of somebody who is here."""
        return Response(
            CertificateShape(certificate.of_person(self.get_object(), by=acting(request))).data
        )

    @extend_schema(parameters=[OpenApiParameter("identifier", str, required=True)])
    def of_deleted(self, request: Request) -> Response:
        """The leaver certificate of somebody who was deleted here, by their user name."""
        identifier = request.query_params.get("identifier")
        if identifier is None:
            raise BadParameter({"identifier": "Give the user name of somebody who was deleted."})
        found = certificate.of_deleted(identifier, by=acting(request))
        if found is None:
            raise BadParameter({"identifier": "Nobody with this user name was deleted here."})
        return Response(CertificateShape(found).data)


router = SimpleRouter()
router.register("events", Events, "api-events")

urlpatterns = [
    *router.urls,
    re_path(
        r"^users/(?P<pk>[0-9]{1,18})/certificate/$",
        Certificates.as_view({"get": "of_person"}),
        name="api-users-certificate",
    ),
    path("certificate/", Certificates.as_view({"get": "of_deleted"}), name="api-certificate"),
]
