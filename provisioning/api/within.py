"""Finds what a request would do, to do it within another one: the same view, rights and checks."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404
from django.http.request import HttpHeaders
from django.urls import resolve
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from provisioning.api.authentication import needed
from provisioning.api.views import Api

NOTHING = "There is nothing at this address."


class Within(Request):
    """A request that nobody sent: with a method and a body of its own, by whoever sent the other.

    What that one was to be held against, such as an ETag, is not about this one.
    """

    def __init__(self, around: Request, *, method: str, body: dict[str, Any]) -> None:
        super().__init__(around._request)
        self.method, self.sent = method, body
        self.user, self.auth = around.user, around.auth
        self.headers = HttpHeaders({})

    @property
    def data(self) -> dict[str, Any]:
        return self.sent


def asked(
    around: Request, *, method: str, path: str, body: dict[str, Any]
) -> Callable[[], Response]:
    """What the view at this address does when it is asked this by whoever sent `around`.

    Raises PermissionDenied to whom the view would refuse it, and ValidationError where nothing is,
    or nobody can foresee what comes of it.
    """
    view = _view(path, Within(around, method=method, body=body))
    handler = getattr(view, view.action or method.lower(), None)
    if handler is None:
        raise ValidationError({"method": f"{method} is not possible at this address."})
    if view.asks_outside or not view.foreseeable:
        raise ValidationError({"path": "Nobody can tell what comes of this before it is done."})
    right = needed(view, method)
    if right and not around.user.has_perm(right):
        raise PermissionDenied(f"The operator lacks the permission “{right}”.")
    return partial(handler, view.request, **view.kwargs)


def _view(path: str, request: Request) -> Any:
    """The view, as it would be made to answer this request."""
    try:
        found: Any = resolve(path)
    except Http404 as error:
        raise ValidationError({"path": NOTHING}) from error
    kind: Any = getattr(found.func, "cls", object)
    if not issubclass(kind, Api):
        raise ValidationError({"path": NOTHING})
    view: Any = kind(**found.func.initkwargs)
    view.action = getattr(found.func, "actions", {}).get(str(request.method).lower())
    view.format_kwarg = None
    view.setup(request, **found.kwargs)
    return view
