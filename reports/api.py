"""/api/v1/events/: the provisioning report for programs, asked by the same filters as the page."""

from rest_framework.routers import SimpleRouter

from provisioning.api.shapes import StrictModel
from provisioning.api.views import Read, Resource
from provisioning.models import Event
from reports.filters import ReportFilter


class EventShape(StrictModel):
    class Meta:
        model = Event
        fields = read_only_fields = list(Event.TOLD)


class Events(Read, Resource):
    """What was done, to whom, where, with what result; the newest first."""

    model = Event
    right = "reports.view_provisioningreport"
    queryset = Event.objects.all()
    serializer_class = EventShape
    filterset_class = ReportFilter
    order = ("-at", "-pk")


router = SimpleRouter()
router.register("events", Events, "api-events")

urlpatterns = router.urls
