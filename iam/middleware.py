"""What is true of every request: who acts, how, which scripts run, whose password must change."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse

from iam import actor
from iam.models import Operator

GetResponse = Callable[[HttpRequest], HttpResponse]


def remember_actor(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        with actor.acting_as(request.user.get_username()):
            return get_response(request)

    return middleware


def known_methods(get_response: GetResponse) -> GetResponse:
    """The pages answer nothing else: Django's own take any other method for a GET."""
    known = ["GET", "HEAD", "POST"]

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in known and request.path.startswith(reverse("admin:index")):
            return HttpResponseNotAllowed(known)
        return get_response(request)

    return middleware


def no_body_for_head(get_response: GetResponse) -> GetResponse:
    """The answer to HEAD ends after its headers.

    The web server sends what it is given, and a client would take a body for the next answer.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD":
            if response.streaming:
                response.streaming_content = []  # type: ignore[attr-defined]
            else:
                response.content = b""
        return response

    return middleware


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Django 5.2 has none of its own; with Django 6 its setting of the same name takes over."""
    policy = "; ".join(
        f"{directive} {' '.join(sources)}" for directive, sources in settings.SECURE_CSP.items()
    )

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware


def temporary_password(get_response: GetResponse) -> GetResponse:
    """Hold everyone with a one-time password on the page where it is changed."""

    def middleware(request: HttpRequest) -> HttpResponse:
        operator = request.user
        page = reverse("admin:password_change")
        if (
            isinstance(operator, Operator)
            and operator.password_is_temporary
            and request.path not in {page, reverse("admin:logout")}
        ):
            messages.info(request, "Choose a password of your own. The one-time password ends now.")
            return redirect(page)
        return get_response(request)

    return middleware
