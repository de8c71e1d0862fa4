"""Does a POST with an Idempotency-Key once, however often it is sent."""

import json
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from iam.models import KeptAnswer
from provisioning import retention
from provisioning.api.authentication import caller
from provisioning.api.problems import BadParameter, OtherRequest

HEADER = "Idempotency-Key"
# So many old answers go with each new one. There are never many of them, and no request waits long.
_REMOVED_AT_ONCE = 100
_HEADERS = ("Location", "ETag")


def done(request: Request, do: Callable[[], Response]) -> Response:
    """The answer of `do`, or what it answered to the same request before.

    The answer is kept in the transaction of what was done: there is never one without the other,
    and of two that come at once the second waits. An error undoes both, so it can be tried again.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return do()
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        text = "Give 1 to 200 visible ASCII characters, such as a UUID."
        raise BadParameter({HEADER: text})
    row = KeptAnswer(caller=caller(request), key=key, request=_digest(request))
    _remove_old(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return _again(row)
    response = do()
    row.status = response.status_code
    row.body = _plain(response.data)
    row.headers = {name: response[name] for name in _HEADERS if name in response}
    row.save()
    return response


def _remove_old(row: KeptAnswer) -> None:
    """The rest of them is left to `manage.py purge`."""
    old = retention.old_answers()
    old.filter(caller=row.caller, key=row.key).delete()
    KeptAnswer.objects.filter(
        pk__in=list(old.values_list("pk", flat=True)[:_REMOVED_AT_ONCE])
    ).delete()


def _again(row: KeptAnswer) -> Response:
    kept = KeptAnswer.objects.get(caller=row.caller, key=row.key)
    if kept.request != row.request:
        raise OtherRequest
    return Response(
        kept.body, status=kept.status, headers={**kept.headers, "Idempotency-Replayed": "true"}
    )


def _digest(request: Request) -> str:
    # With a key: the body may hold a password that is short enough to be tried out.
    told = JSONEncoder(sort_keys=True).encode(request.data)
    about = f"{request.method} {request.get_full_path()}\n{told}"
    return salted_hmac("provisioning.api.once", about, algorithm="sha256").hexdigest()


def _plain(data: Any) -> Any:
    return json.loads(JSONEncoder().encode(data))
