"""A system that is told of events by a webhook, and checks by itself that they are from us."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections, transaction
from django.utils import timezone

from provisioning import correlation, record, webhook_setup
from provisioning.models import App, Event, Lane, Outcome, Webhook
from tests.support.servers import HttpServer, Reply

Fault = Callable[[], Reply]


class Receiver(HttpServer):
    """Takes every message, unless it is told to answer the next ones in another way.

    `ids` are those of the messages, in the order in which they arrived, doubles included.
    """

    def __init__(self, secret: str = "") -> None:
        super().__init__(self._take)
        self.secret = secret
        self.messages: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.signatures: list[list[bool]] = []
        self.at_once = self.most_at_once = 0
        self._faults: list[Fault] = []
        self._always: Fault | None = None
        self._counting = threading.Lock()

    def on_next(self, *faults: Fault) -> None:
        """Answer the next messages so, one each."""
        self._faults += faults

    def always(self, fault: Fault | None) -> None:
        """Answer every message so from now on; None ends it."""
        self._always = fault

    @property
    def told(self) -> list[str]:
        """Whom the messages were about."""
        return [message["data"]["identifier"] for message in self.messages]

    def _take(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.ids.append(headers["webhook-id"])
            self.messages.append(json.loads(body))
            self.signatures.append(verified(self.secret, headers, body))
            fault = self._faults.pop(0) if self._faults else self._always
            return fault() if fault else Reply(204)
        finally:
            # A fault may have asked the database, in the thread of this connection.
            connections.close_all()
            with self._counting:
                self.at_once -= 1


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> list[bool]:
    """Which of the signatures are right, worked out as the scheme says, by no code of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    right = base64.b64encode(hmac.new(key, head + body, hashlib.sha256).digest()).decode()
    return [each == f"v1,{right}" for each in headers["webhook-signature"].split(" ")]


def answers(status: int, body: bytes = b"", **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: Reply(status, body, named)


def closes() -> Reply:
    """No answer at all."""
    raise ConnectionAbortedError


def webhook(receiver: Receiver, name: str = "Tickets", **fields: Any) -> Webhook:
    """A webhook for the receiver, which is given its secret."""
    made = Webhook.objects.create(
        **{"name": name, "url": f"{receiver.url}/hook", "internal": True, **fields}
    )
    receiver.secret = webhook_setup.new_secret(made)
    return made


def recorded(*names: str, app: App | None = None, **fields: Any) -> list[Event]:
    """Events about these people, written down as the engine does it."""
    app = app or App.objects.get_or_create(name="Zoom", connector="scim")[0]
    usual = {"operation": "create", "outcome": Outcome.DONE, "message": "Made.", "attempt": 1}
    about = {"app": app, "app_name": app.name, "correlation_id": correlation.new()}
    events = [
        Event(**{"identifier": name, "at": timezone.now(), **usual, **about, **fields})
        for name in names
    ]
    lane, _ = Lane.objects.get_or_create(app=app)
    with transaction.atomic():
        record.publish(events, Lane.objects.filter(pk=lane.pk), latencies=[])
    return events
