"""/api/v1/events/ and certificates: the reports for programs, as the pages give them."""

from django.urls import path, re_path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from iam.models import User
from provisioning.api.authentication import acting
from provisioning.api.problems import BadParameter
from provisioning.api.shapes import StrictModel
from provisioning.api.views import Read, Resource
from provisioning.models import Event
from reports import certificate
from reports.filters import ReportFilter
from reports.standing import STANDING_LABELS


class EventShape(StrictModel):
    class Meta:
        model = Event
        fields = read_only_fields = [
            "id",
            "at",
            "app",
            "app_name",
            "user",
            "identifier",
            "operation",
            "outcome",
            "effect",
            "message",
            "trigger",
            "actor",
            "attempt",
            "duration_ms",
            "http_status",
            "approved_by",
            "correlation_id",
        ]


class Events(Read, Resource):
    """What was done, to whom, where, with what result; the newest first."""

    model = Event
    right = "reports.view_provisioningreport"
    queryset = Event.objects.all()
    serializer_class = EventShape
    filterset_class = ReportFilter
    order = ("-at", "-pk")


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
    groups = RemovalShape(many=True, help_text="Groups there that the account was taken out of.")


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
