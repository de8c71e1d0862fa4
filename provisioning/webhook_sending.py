"""One message to a webhook: what stands in it, and what the receiver's answer means."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from provisioning import webhook_signing
from provisioning.echoes import masked
from provisioning.errors import ConnectorError
from provisioning.http import Response, Session, retry_after
from provisioning.models import Event, Webhook
from provisioning.secrets import Unreadable

# Seconds for a whole request. A receiver should say yes first and work afterwards.
DEADLINE = 15.0
_EVENT, _TEST = "provisioning.event", "gatehouse.test"
_SHOWN = 200
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_MEANS = {
    401: "It does not take the signature: give it the secret of this webhook.",
    403: "It does not take the signature: give it the secret of this webhook.",
    404: "There is nothing at this address: check it for typing errors.",
    405: "It takes no POST at this address: check it for typing errors.",
    410: "It wants no more of these.",
}


@dataclass(frozen=True)
class Answer:
    """What came of a message. Without a `problem` it was delivered.

    `said` is the beginning of what the receiver answered, `wait` for how many seconds it asked to
    be left alone.
    """

    status: int | None
    said: str
    problem: str = ""
    wait: float | None = None

    @property
    def gone(self) -> bool:
        return self.status == HTTPStatus.GONE


def session(webhook: Webhook) -> Session:
    """The connections to its receiver; the caller closes them."""
    return Session(webhook.url, internal=webhook.internal, read_timeout=DEADLINE, deadline=DEADLINE)


def send_event(
    to: Session, webhook: Webhook, event: Event, *, message_id: str, leave: Callable[[], None]
) -> Answer:
    """`leave` is asked right before the first byte, and whatever it raises is raised."""
    return _send(to, webhook, message_id, _message(_EVENT, event.at, document(event)), leave)


def send_test(to: Session, webhook: Webhook, *, message_id: str) -> Answer:
    message = _message(_TEST, timezone.now(), {"webhook": webhook.name})
    return _send(to, webhook, message_id, message, leave=lambda: None)


def document(event: Event) -> dict[str, Any]:
    """As the API shows it."""
    names = {name: event._meta.get_field(name).attname for name in Event.TOLD}  # type: ignore[union-attr]
    values = {name: getattr(event, attribute) for name, attribute in names.items()}
    return {**values, "at": _written(event.at)}


def _message(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": kind, "timestamp": _written(at), "data": data}).encode()


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _send(
    to: Session, webhook: Webhook, message_id: str, body: bytes, leave: Callable[[], None]
) -> Answer:
    try:
        signed = webhook_signing.headers(
            message_id, body, at=timezone.now(), secrets=webhook.signing_secrets
        )
        answer = to.request("POST", webhook.url, body=body, headers=signed, before_write=leave)
    except Unreadable as error:
        return Answer(None, "", f"{error} For a webhook that is “New secret”.")
    except ConnectorError as error:
        if error.http_status is not None and _accepted(error.http_status):
            # It said yes; what came after that could not be read, and does not matter.
            return Answer(error.http_status, "")
        return Answer(error.http_status, "", str(error))
    return _judged(webhook, answer)


def _judged(webhook: Webhook, answer: Response) -> Answer:
    status = answer.status
    said = (json.dumps(answer.body) if answer.is_json else answer.text)[:_SHOWN]
    said = masked(said, webhook.signing_secrets)
    if _accepted(status):
        return Answer(status, said)
    problem = f"{urlsplit(webhook.url).hostname} answered {status}. {_meaning(status)}"
    wait = retry_after(answer.headers) if status in _BUSY else None
    return Answer(status, said, problem, wait)


def _accepted(status: int) -> bool:
    return 200 <= status < 300


def _meaning(status: int) -> str:
    if 300 <= status < 400:
        return "A redirect is not followed: enter the address that it leads to."
    failed = "Something is wrong on its side." if status >= 500 else "It did not take the message."
    return _MEANS.get(status, failed)
