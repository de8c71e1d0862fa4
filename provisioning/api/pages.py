"""/api/v1/schema/ for programs and /api/v1/docs/ for people: what there is, told by the code."""

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe
from rest_framework import renderers
from rest_framework.request import Request
from rest_framework.response import Response

from provisioning.api import describing
from provisioning.api.views import Api


class Schema(Api):
    renderer_classes = [renderers.JSONRenderer]
    schema = None

    def get(self, request: Request) -> Response:
        return Response(describing.schema())


@require_safe
@staff_member_required(login_url="admin:login")
def docs(request: HttpRequest) -> HttpResponse:
    """Everything on it comes from this machine."""
    return TemplateResponse(request, "provisioning/api_docs.html")
