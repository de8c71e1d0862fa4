"""Fetches and renews OAuth 2.0 access tokens for connectors."""

import base64
import threading
import time
from typing import Any
from urllib.parse import quote

from provisioning import http
from provisioning.echoes import masked
from provisioning.errors import Misconfigured, Throttled
from provisioning.scim import messages

# Renewed while it is still good, so that no request carries one that ends on the way (seconds).
# One with a short life is renewed at half of it, or every request would fetch another.
_RENEW_BEFORE = 300.0
_LIFE_IF_NOT_TOLD = 3600.0


class Tokens:
    """Tokens for one application, one renewal at a time. Safe to share between threads."""

    def __init__(
        self,
        app: str,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        internal: bool,
        ca_certificate: str = "",
    ) -> None:
        self._app = app
        self._url = token_url
        self._client_secret = client_secret
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {self._basic}", "Accept": "application/json"}
        self._session = http.Session(
            token_url, internal=internal, ca_certificate=ca_certificate, confidential=True
        )
        self._lock = threading.Lock()
        self._token = self._former = ""
        self._renew_at = float("-inf")

    def header(self) -> str:
        return f"Bearer {self.token()}"

    def token(self) -> str:
        """A token with enough time to live. Raises Misconfigured or Unavailable."""
        with self._lock:
            if time.monotonic() > self._renew_at:
                self._fetch()
            return self._token

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be kept out of messages; answers to the former token may still come in."""
        return (self._token, self._former, self._client_secret, self._basic)

    def refused(self, token: str) -> None:
        """The application did not accept this token: the next call fetches another."""
        with self._lock:
            if token == self._token:
                self._renew_at = float("-inf")

    def close(self) -> None:
        self._session.close()

    def _asked(self) -> dict[str, Any]:
        """What goes with the request for a token, and where in it."""
        raise NotImplementedError

    def _fetch(self) -> None:
        asked_at = time.monotonic()
        reply = self._session.request("POST", self._url, headers=self._headers, **self._asked())
        if reply.status >= 500 or reply.status == 429:
            raise Throttled(
                f"The sign-in service of {self._app} has a problem (error {reply.status}). "
                "Gatehouse tries again by itself.",
                retry_after=http.retry_after(reply.headers),
                http_status=reply.status,
            )
        body = reply.body if isinstance(reply.body, dict) else {}
        token = body.get("access_token")
        if reply.status != 200 or not isinstance(token, str) or not token:
            raise Misconfigured(self._refusal(reply.status, body), http_status=reply.status)
        self._former, self._token = self._token, token
        life = _seconds(body.get("expires_in"))
        self._renew_at = asked_at + life - min(_RENEW_BEFORE, life / 2)

    def _refusal(self, status: int, body: dict[str, object]) -> str:
        told = messages.error_detail(str(body.get("reason") or body.get("error") or ""))
        if status not in {400, 401, 403} and not (status == 200 and told):
            return (
                f"Something answered at {self._url}, but it did not give out a token as the "
                f"sign-in service of {self._app} does (it answered {status}). Check the Token "
                f"address under Apps > {self._app} > Connection."
            )
        reason = masked(told, self.secrets) or f"error {status}"
        return self._not_accepted(reason)

    def _not_accepted(self, reason: str) -> str:
        """What the administrator is to enter again, and where it is found."""
        raise NotImplementedError


class AccountCredentials(Tokens):
    """Zoom's Server-to-Server OAuth: one token for the whole account.

    POST {token_url}?grant_type=account_credentials&account_id=… with the client's id and secret
    as Basic authentication (developers.zoom.us/docs/internal-apps/s2s-oauth, November 2026).
    """

    def __init__(self, app: str, *, account_id: str, **client: Any) -> None:
        super().__init__(app, **client)
        self._account_id = account_id

    def _asked(self) -> dict[str, Any]:
        return {"params": {"grant_type": "account_credentials", "account_id": self._account_id}}

    def _not_accepted(self, reason: str) -> str:
        return (
            f"{self._app} did not accept the account id, client id and client secret ({reason}). "
            f"Copy all three again from the app's page at {self._app} and check that it is "
            "activated there."
        )


class ClientCredentials(Tokens):
    """A token for the client itself (RFC 6749 section 4.4)."""

    def __init__(
        self, app: str, *, client_id: str, client_secret: str, scope: str = "", **where: Any
    ) -> None:
        # Encoded before they are put together (RFC 6749 section 2.3.1).
        super().__init__(
            app,
            client_id=quote(client_id, safe=""),
            client_secret=quote(client_secret, safe=""),
            **where,
        )
        self._plain = client_secret
        self._scope = scope

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*super().secrets, self._plain)

    def _asked(self) -> dict[str, Any]:
        scope = {"scope": self._scope} if self._scope else {}
        return {"form": {"grant_type": "client_credentials", **scope}}

    def _not_accepted(self, reason: str) -> str:
        return (
            f"{self._app} did not accept the client id and client secret ({reason}). Copy both "
            f"again from the page where {self._app} shows the client, and check the scope and that "
            "the client is active there."
        )


def _seconds(told: object) -> float:
    """The life of a token, which some services write as text."""
    try:
        life = float(str(told))
    except ValueError:
        return _LIFE_IF_NOT_TOLD
    return life if 0 < life < float("inf") else _LIFE_IF_NOT_TOLD
