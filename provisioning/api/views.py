"""What all views share: strict parameters, one transaction a write, ETags, and who did it."""

from contextlib import ExitStack
from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404
from rest_framework import renderers, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from iam import actor
from provisioning.api import conditions, once, problems
from provisioning.api.authentication import READS, Bearer, MayUse, acting
from provisioning.api.filtering import Parameters, refuse_unknown
from provisioning.api.paging import PARAMETERS, Cursor, Keyset
from provisioning.api.parsing import LARGEST, StrictJson
from provisioning.api.throttling import PerMinute


class Api(APIView):
    """The frame of every view. Nothing of it is left to a global setting."""

    # A program, or an operator in a browser, who needs the page's CSRF token to change something.
    authentication_classes = [Bearer, SessionAuthentication]
    permission_classes = [MayUse]
    throttle_classes = [PerMinute]
    parser_classes = [StrictJson]
    renderer_classes = [renderers.JSONRenderer, renderers.BrowsableAPIRenderer]
    metadata_class = None
    http_method_names = ["get", "head", "post", "patch", "delete"]

    # What a token needs to change something, and the model whose permissions count.
    scope: str = ""
    model: type[models.Model] | None = None
    # A permission that counts instead of the model's own.
    right: str = ""
    # A view that asks another system must not hold a transaction open meanwhile.
    asks_outside = False
    # Whether /preview can tell what comes of it.
    foreseeable = True

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self.to_the_end:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = str(request.method).lower()
        if not hasattr(self, method):
            # There is no such method here: that is said next.
            return
        refuse_unknown(request, self.parameters())
        if request.method == "POST":
            conditions.refuse_match(request)
        if request.method in READS:
            return
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            raise problems.TooLarge
        self.to_the_end.enter_context(actor.acting_as(acting(request)))
        if not self.asks_outside:
            setattr(self, method, partial(self._write, getattr(self, method)))

    def _write(self, write: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            write = partial(write, request, *args, **kwargs)
            return once.done(request, write) if request.method == "POST" else write()

    def parameters(self) -> set[str]:
        """The query parameters that are known here."""
        return set()

    def get_exception_handler(self) -> Any:
        return problems.answer

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.exception and response.accepted_renderer.format == "json":
            response.content_type = problems.CONTENT_TYPE
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class Resource(Api, viewsets.GenericViewSet):
    """A list and what is in it; the class below says which methods there are."""

    pagination_class = Keyset
    filter_backends = [Cursor, Parameters]
    filterset_class: Any = None
    lookup_value_regex = r"[0-9]{1,18}"
    order: tuple[str, ...] = ("pk",)

    def parameters(self) -> set[str]:
        if self.action != "list":
            return set()
        filters = set(self.filterset_class.base_filters) if self.filterset_class else set()
        return {*filters, *PARAMETERS}


class Read:
    """GET of the list and of one."""

    def list(self: Any, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = self.get_serializer(page, many=True).data
        return self.get_paginated_response(shown)

    def retrieve(self: Any, request: Request, pk: str) -> Response:
        shown = self.get_serializer(self.get_object()).data
        headers = {"ETag": conditions.tag(shown)}
        if conditions.known(request, shown):
            return Response(status=304, headers=headers)
        return Response(shown, headers=headers)


class Create:
    def create(self: Any, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return created(self, serializer.save())


class Update:
    """PATCH: only what is named is changed; an `If-Match` is held to."""

    def partial_update(self: Any, request: Request, pk: str) -> Response:
        found = locked(self)
        serializer = self.get_serializer(found, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        shown = self.get_serializer(self.get_object()).data
        return Response(shown, headers={"ETag": conditions.tag(shown)})


class Delete:
    """DELETE; an `If-Match` is held to."""

    def destroy(self: Any, request: Request, pk: str) -> Response:
        locked(self).delete()
        return Response(status=204)


def created(view: Any, made: Any) -> Response:
    """Shown as a GET would, with its address."""
    view.kwargs = {"pk": str(made.pk)}
    shown = view.get_serializer(view.get_object()).data
    address = f"{view.request.path}{made.pk}/"
    return Response(shown, status=201, headers={"ETag": conditions.tag(shown), "Location": address})


def locked(view: Any) -> Any:
    """The row, which nobody else changes before this request ends, in the state the caller saw."""
    rows: QuerySet[Any] = view.model.objects.select_for_update(of=("self",))
    # Without what is joined or counted: a database locks only rows of one table.
    if not rows.filter(pk=int(view.kwargs["pk"])).order_by().values_list("pk").first():
        raise Http404
    found = view.get_object()
    conditions.unchanged(view.request, view.get_serializer(found).data)
    return found


class Nowhere(Api):
    """Whatever is not at any other address."""

    schema = None

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise Http404

    get = post = patch = delete = http_method_not_allowed

    def parameters(self) -> set[str]:
        return set(self.request.query_params)
