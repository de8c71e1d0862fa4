"""Where the service answers, and to whom."""

from collections.abc import Callable
from types import SimpleNamespace

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

urlpatterns = [path("scim/v2/", include("django_scim.urls", namespace="scim"))]


def bearer(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Whoever has the token is signed in; django-scim2 refuses everybody else."""

    def answer(request: HttpRequest) -> HttpResponse:
        has_token = request.headers.get("Authorization") == f"Bearer {settings.TOKEN}"
        request.user = SimpleNamespace(is_authenticated=has_token)
        return get_response(request)

    return answer
