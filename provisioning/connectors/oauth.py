"""Fetches and renews OAuth 2.0 access tokens for connectors."""

import base64
import threading
import time

from provisioning import addresses, http
from provisioning.errors import Misconfigured, Unavailable

# Renewed while it is still good, so that no request carries one that ends on the way (seconds).
_RENEW_BEFORE = 300.0
_LIFE_IF_NOT_TOLD = 3600.0


class AccountCredentials:
    """Zoom's Server-to-Server OAuth: one token for the whole account, one renewal at a time.

    POST {token_url}?grant_type=account_credentials&account_id=… with the client's id and secret
    as Basic authentication (developers.zoom.us/docs/internal-apps/s2s-oauth, November 2026).
    """

    def __init__(
        self,
        app: str,
        *,
        token_url: str,
        account_id: str,
        client_id: str,
        client_secret: str,
        internal: bool,
    ) -> None:
        self._app = app
        self._url = token_url
        self._account_id = account_id
        self._secret = client_secret
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        self._session = http.Session(addresses.origin(token_url), internal=internal)
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """A token with at least five minutes to live. Raises Misconfigured or Unavailable."""
        with self._lock:
            if time.monotonic() > self._good_until - _RENEW_BEFORE:
                self._fetch()
            return self._token

    @property
    def held(self) -> str:
        """The token that was fetched last, so that it can be kept out of messages."""
        return self._token

    def refused(self, token: str) -> None:
        """The application did not accept this token: the next call fetches another."""
        with self._lock:
            if token == self._token:
                self._good_until = 0.0

    def close(self) -> None:
        self._session.close()

    def _fetch(self) -> None:
        asked_at = time.monotonic()
        reply = self._session.request(
            "POST",
            self._url,
            params={"grant_type": "account_credentials", "account_id": self._account_id},
            headers=self._headers,
        )
        if reply.status >= 500 or reply.status == 429:
            raise Unavailable(
                f"The sign-in service of {self._app} has a problem (error {reply.status}). "
                "Gatehouse tries again by itself.",
                retry_after=http.retry_after(reply.headers),
                http_status=reply.status,
            )
        body = reply.body if isinstance(reply.body, dict) else {}
        token = body.get("access_token")
        if reply.status != 200 or not isinstance(token, str) or not token:
            raise Misconfigured(self._refusal(reply.status, body), http_status=reply.status)
        self._token = token
        self._good_until = asked_at + _seconds(body.get("expires_in"))

    def _refusal(self, status: int, body: dict[str, object]) -> str:
        reason = str(body.get("reason") or body.get("error") or f"error {status}")[:200]
        if self._secret:
            reason = reason.replace(self._secret, "•••")
        return (
            f"{self._app} did not accept the account id, client id and client secret ({reason}). "
            f"Copy all three again from the app's page at {self._app} and check that it is "
            "activated there."
        )


def _seconds(told: object) -> float:
    return float(told) if isinstance(told, int | float) and told > 0 else _LIFE_IF_NOT_TOLD
