"""Says what was wrong, in one form for every error: RFC 9457."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as Invalid
from django.db import IntegrityError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from iam.text import counted

logger = logging.getLogger(__name__)

# What Django REST framework says in fewer words.
_SENTENCES = {
    exceptions.NotAuthenticated: "Send a token as “Authorization: Bearer …”, or sign in.",
    exceptions.MethodNotAllowed: (
        "This address does not take this method. The header Allow says which it takes."
    ),
    exceptions.NotAcceptable: "Answers are JSON: send “Accept: application/json”, or no Accept.",
    exceptions.UnsupportedMediaType: (
        "The body must be JSON in UTF-8, sent with “Content-Type: application/json”."
    ),
}

CONTENT_TYPE = "application/problem+json"
_BUSY = 30


class BadParameter(exceptions.ValidationError):
    """A query parameter, or a header, that is not understood."""


class TooLarge(exceptions.APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than 1 MB. Send it in several requests."


class Conflict(exceptions.APIException):
    status_code = HTTPStatus.CONFLICT


class Changed(exceptions.APIException):
    status_code = HTTPStatus.PRECONDITION_FAILED
    default_detail = (
        "It was changed since it was read, so nothing was done. Read it again, and send the change "
        "with the new ETag."
    )


class OtherRequest(exceptions.APIException):
    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = (
        "This Idempotency-Key was already used for another request. Use a new key for each request."
    )


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """What the API answers to an error, whichever it is."""
    set_rollback()
    known = _known(error)
    if known is None:
        logger.error("The API failed: %s", type(error).__name__, exc_info=error)
        text = "Something went wrong here. It is in the log of the portal; try again later."
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, text)
    response = _problem(known.status_code, _text(known), errors=list(_errors(known)))
    if header := getattr(known, "auth_header", ""):
        response["WWW-Authenticate"] = header
    if (wait := getattr(known, "wait", None)) is not None:
        response["Retry-After"] = str(max(1, int(wait)))
    return response


def _known(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound("There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, Invalid):
        return exceptions.ValidationError(fields(error))
    if isinstance(error, IntegrityError):
        return Conflict("Somebody else changed the same thing at this moment. Read it again.")
    if isinstance(error, OperationalError):
        busy = exceptions.APIException("The database does not answer now. Try again later.")
        busy.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        busy.wait = _BUSY  # type: ignore[attr-defined]
        return busy
    return None


def fields(error: Invalid) -> dict[str, list[str]]:
    """What a model or a form complains about, by field."""
    if hasattr(error, "error_dict"):
        return {name.replace("__all__", ""): said for name, said in error.message_dict.items()}
    return {"": list(error.messages)}


def _problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    if errors:
        told["errors"] = errors
    response = Response(told, status=status)
    response.exception = True
    return response


def _text(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.ValidationError):
        found = list(_errors(error))
        more = f" And {counted(len(found) - 1, 'more error')}." if len(found) > 1 else ""
        where = found[0].get("pointer") or found[0].get("parameter", "") if found else ""
        told = f"{found[0]['detail']}{more}" if found else "Bad value."
        return told if where in {"", "#"} else f"{where}: {told}"
    return _SENTENCES.get(type(error)) or str(error.detail)


def _errors(error: exceptions.APIException) -> Iterator[dict[str, str]]:
    if not isinstance(error, exceptions.ValidationError):
        return
    seen = set()
    for path, said in _leaves(error.detail, ""):
        if path in seen:
            # Once this is put right, the other may be as well.
            continue
        seen.add(path)
        if isinstance(error, BadParameter):
            yield {"parameter": path.strip("/"), "detail": said}
        else:
            yield {"pointer": f"#{path}", "detail": said}


def _leaves(detail: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every sentence with the JSON pointer of what it is about."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            ours = str(name) in {"", "non_field_errors"}
            yield from _leaves(inner, path if ours else f"{path}/{_escaped(str(name))}")
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _leaves(inner, f"{path}/{number}" if nested else path)
    else:
        yield path, str(detail)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
