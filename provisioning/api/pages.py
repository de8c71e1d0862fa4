"""/api/v1/schema/ for programs and /api/v1/docs/ for people: what there is, told by the code."""

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import resolve, reverse
from django.views.decorators.http import require_safe
from rest_framework import renderers
from rest_framework.request import Request
from rest_framework.response import Response

from provisioning.api import describing
from provisioning.api.views import Api


class Root(Api):
    """The lists there are."""

    schema = None

    def get(self, request: Request) -> Response:
        paths = [path for path in describing.schema()["paths"] if "{" not in path]
        lists = {
            path.split("/")[-2]: request.build_absolute_uri(path)
            for path in paths
            if str(resolve(path).url_name).endswith("-list")
        }
        return Response({**lists, "docs": request.build_absolute_uri(reverse("api-docs"))})


class Schema(Api):
    """The API in OpenAPI 3.1."""

    renderer_classes = [renderers.JSONRenderer]
    schema = None

    def get(self, request: Request) -> Response:
        return Response(describing.schema())


@require_safe
@staff_member_required(login_url="admin:login")
def docs(request: HttpRequest) -> HttpResponse:
    """Everything on it comes from this machine."""
    return TemplateResponse(request, "provisioning/api_docs.html")
