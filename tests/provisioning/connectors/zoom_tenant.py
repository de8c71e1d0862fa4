"""A Zoom account in memory, from what is known of Zoom's SCIM service (November 2026).

It does what Zoom is documented or reported to do, and complains of every request that Zoom would
refuse because of how it is made.
"""

import base64
import json
import re
import threading
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER, LIST_RESPONSE, PATCH_OP
from tests.support.servers import HttpServer, Reply, json_reply
from tests.support.target import Document

ACCOUNT, CLIENT, CLIENT_SECRET = "account-1", "client-1", "a-client-secret-that-nobody-shows"
PASTED = "a-pasted-token-that-nobody-shows"
DOMAIN = "@example.org"
OLD_ZOOM = "urn:us:zoom:scim:schemas:extension:1.0:ZoomUser"
_ATTRIBUTES = {
    *("schemas", "userName", "name", "displayName", "active", "emails", "userType", "title"),
    *("locale", "phoneNumbers", "roles", ENTERPRISE_USER, OLD_ZOOM),
}
_ENTERPRISE = {"department", "organization", "costCenter", "manager"}
# What a list leaves out and a single user shows.
_NOT_LISTED = {"organization", "costCenter", "manager"}
_SSO = {"loginType": {"workEmail": False, "sso": True}}


class ZoomTenant(HttpServer):
    """`complaints` are the requests that were made wrongly; `pending` has not accepted yet.

    Of those in `unmoved` every change is answered with success and changes nothing.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.base_url = f"{self.url}/scim2"
        self.token_url = f"{self.url}/oauth/token"
        self.token = PASTED
        self.good_tokens = {PASTED}
        self.fetched: list[str] = []
        self.complaints: list[str] = []
        self.pending: set[str] = set()
        self.administrators: set[str] = set()
        self.unmoved: set[str] = set()
        self.single_sign_on = True
        self._users: dict[str, Document] = {}
        self._lock = threading.Lock()

    # ------------------------------------------------------------------- for the test to use

    @property
    def journal(self) -> list[str]:
        return [
            f"{request.method} {re.sub('(?<=Users/).+', '…', urlsplit(request.path).path)}"
            for request in self.requests
        ]

    def users(self) -> list[Document]:
        return [self._shown(user) for user in self._users.values()]

    def user(self, name: str) -> Document:
        (found,) = [user for user in self.users() if user["userName"] == name]
        return found

    def add(self, name: str, /, **attributes: Any) -> Document:
        return self._store({"userName": name, "active": True, **attributes})

    def expire_tokens(self) -> None:
        self.good_tokens.clear()

    # -------------------------------------------------------------------------- the server

    def _handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._lock:
            try:
                return self._answer(method, path, headers, body)
            except _BadRequestError as error:
                self.complaints.append(f"{method} {path} {body.decode()}: {error}")
                return _error(400, str(error))

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(path)
        if parts.path == "/oauth/token":
            return self._give_token(method, parse_qs(parts.query), headers, body)
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.good_tokens:
            return json_reply({"code": 124, "message": "Invalid access token."}, status=401)
        _need(headers.get("Accept") == "application/scim+json", "Accept")
        document = _document(headers, body)
        if not self.single_sign_on:
            return _error(400, "Account has not enabled Single Sign-On.")
        if parts.path == "/scim2/Users":
            if method == "GET":
                return self._list(parse_qs(parts.query))
            _need(method == "POST", "no such method for users")
            return self._create(document)
        key = parts.path.removeprefix("/scim2/Users/")
        _need("&" not in key and "/" not in key and not parts.query, "an id that is not encoded")
        if unquote(key) not in self._users:
            return _error(404, "User not found.")
        return self._on_user(method, self._users[unquote(key)], document)

    def _on_user(self, method: str, user: Document, document: Document) -> Reply:
        if user["userName"] in self.unmoved and method in {"PUT", "PATCH"}:
            self._change(method, json.loads(json.dumps(user)), document)
            return json_reply(self._shown(user))
        return self._change(method, user, document)

    def _change(self, method: str, user: Document, document: Document) -> Reply:
        match method:
            case "GET":
                return json_reply(self._shown(user))
            case "PUT":
                return self._put(user, document)
            case "PATCH":
                return self._patch(user, document)
            case "DELETE":
                del self._users[user["id"]]
                return Reply(204)
        raise _BadRequestError("no such method for a user")

    def _give_token(
        self, method: str, query: dict[str, list[str]], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        _need(method == "POST" and not body, "a token is fetched with an empty POST")
        wanted = {"grant_type": ["account_credentials"], "account_id": [ACCOUNT]}
        basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        if query != wanted or headers.get("Authorization") != f"Basic {basic}":
            said = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
            return json_reply(said, status=400)
        self.fetched.append(f"token-{len(self.fetched) + 1}-{uuid.uuid4().hex}")
        self.good_tokens.add(self.fetched[-1])
        told = {"token_type": "bearer", "expires_in": 3600, "scope": "scim2:admin"}
        return json_reply({"access_token": self.fetched[-1], **told})

    def _list(self, query: dict[str, list[str]]) -> Reply:
        _need(query.keys() <= {"startIndex", "count", "filter"}, "query")
        _need(1 <= int(query.get("count", ["10"])[0]) <= 100, "count")
        found = list(self._users.values())
        if "filter" in query:
            asked = re.fullmatch('userName eq (".+")', query["filter"][0])
            _need(asked is not None, "only userName can be searched for")
            name = json.loads(asked[1] if asked else '""').casefold()
            if name in self.pending:
                return _error(400, f"User {name} not exist or not belong to this account.")
            found = [user for user in found if user["userName"].casefold() == name]
        listed = [_listed(self._shown(user)) for user in found]
        return json_reply(
            {
                "schemas": [LIST_RESPONSE],
                "totalResults": len(listed),
                "startIndex": 1,
                "itemsPerPage": 10,
                "Resources": listed,
            }
        )

    def _create(self, document: Document) -> Reply:
        _check(document)
        name = document.get("userName", "")
        _need(bool(name), "userName")
        _need(name.casefold() not in self.pending, "there is an open invitation")
        if refusal := self._refusal(document):
            return refusal
        return json_reply(self._shown(self._store(document)), status=201)

    def _put(self, user: Document, document: Document) -> Reply:
        _check(document)
        if refusal := self._refusal(document, but=user["id"]):
            return refusal
        _merge(user, document)
        return json_reply(self._shown(user))

    def _refusal(self, document: Document, but: str = "") -> Reply | None:
        name = document.get("userName", DOMAIN).casefold()
        if not name.endswith(DOMAIN):
            return _error(400, "Domain name doesn't match.")
        others = [user for user in self._users.values() if user["id"] != but]
        if name in {user["userName"].casefold() for user in others}:
            return _error(409, "User already in the account.")
        return None

    def _patch(self, user: Document, message: Document) -> Reply:
        _need(message.get("schemas") == [PATCH_OP], "schemas")
        operations = message.get("Operations")
        switches = [[{"op": "replace", "value": {"active": state}}] for state in (True, False)]
        _need(operations in switches, "PATCH only switches an account on and off")
        if user["userName"] in self.administrators:
            return _error(400, "Can not deactivate an administrator.")
        user["active"] = operations == switches[0]
        return json_reply(self._shown(user))

    def _store(self, document: Document) -> Document:
        key = f"k&{uuid.uuid4().hex[:20]}"
        self._users[key] = {**document, "id": key}
        return self._users[key]

    def _shown(self, user: Document) -> Document:
        schemas = [CORE_USER, OLD_ZOOM, *([ENTERPRISE_USER] if ENTERPRISE_USER in user else [])]
        meta = {"resourceType": "User", "location": f"{self.base_url}/Users/{user['id']}"}
        own = {"schemas": schemas, "externalId": user["id"], "groups": [], "meta": meta}
        shown: Document = json.loads(json.dumps({**user, **own, OLD_ZOOM: _SSO}))
        return shown


class _BadRequestError(Exception):
    pass


def _need(right: bool, what: str) -> None:
    if not right:
        raise _BadRequestError(what)


def _document(headers: Mapping[str, str], body: bytes) -> Document:
    if not body:
        return {}
    _need(headers.get("Content-Type") == "application/json", "Content-Type")
    document = json.loads(body)
    _need(isinstance(document, dict), "not an object")
    return dict(document)


def _check(document: Document) -> None:
    """What holds for every user that is sent."""
    _need(CORE_USER in document.get("schemas", []), "schemas")
    _need("externalId" not in document, "externalId is Zoom's own")
    _need(document.keys() <= _ATTRIBUTES, f"unknown: {document.keys() - _ATTRIBUTES}")
    _need(len(document.get("emails") or []) <= 1, "one e-mail address")
    enterprise = document.get(ENTERPRISE_USER) or {}
    _need(enterprise.keys() <= _ENTERPRISE, "enterprise attribute")
    _need(not enterprise or ENTERPRISE_USER in document["schemas"], "enterprise schema")
    login = document.get(OLD_ZOOM, _SSO)
    _need(login == _SSO, "another loginType makes the person pending")


def _merge(held: Document, sent: Document) -> None:
    """PUT merges: what is not sent stays, null is no value."""
    for key, value in sent.items():
        if value is None or value == []:
            held.pop(key, None)
        elif isinstance(value, dict) and isinstance(held.get(key), dict):
            _merge(held[key], value)
        else:
            held[key] = value


def _listed(user: Document) -> Document:
    if ENTERPRISE_USER in user:
        kept = {k: v for k, v in user[ENTERPRISE_USER].items() if k not in _NOT_LISTED}
        user[ENTERPRISE_USER] = kept
    return user


def _error(status: int, detail: str) -> Reply:
    # The status is a number, where RFC 7644 asks for text.
    schema = "urn:ietf:params:scim:api:messages:2.0:Error"
    said = {"schemas": [schema], "detail": detail, "status": status}
    return json_reply(said, status=status)
