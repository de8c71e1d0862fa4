"""A Zoom account, from what is documented and reported of Zoom's SCIM service (November 2026).

Where no source says what is answered, the comment says so.
"""

import base64
import uuid
from typing import ClassVar

from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER, ERROR
from provisioning.scim.schema import CORE_GROUP
from tests.support.servers import Reply, json_reply
from tests.support.target import Document
from tests.support.vendors.base import (
    Asked,
    Limit,
    Resources,
    Rule,
    Vendor,
    copied,
    index_page,
)
from tests.support.vendors.zoom_rules import NEW_ZOOM, OLD_ZOOM, RULES, sought

ACCOUNT, CLIENT, CLIENT_SECRET = "account-1", "client-1", "a-client-secret-that-nobody-shows"
PASTED = "a-pasted-token-that-nobody-shows"
DOMAIN = "@example.org"
_LIFE = 3600
_SSO = {"loginType": {"workEmail": False, "sso": True}}


class ZoomTenant(Vendor):
    """`invited` has not accepted yet; `administrators` are protected; `lacks` names privileges.

    Of those in `unmoved` every change is answered with success and changes nothing, as it is of
    those who are invited.
    """

    prefix: ClassVar[str] = "/scim2"
    operations: ClassVar[frozenset[str]] = frozenset(
        {
            *("GET /Users", "POST /Users", "GET /Groups", "POST /Groups"),
            *("GET /Users/…", "PUT /Users/…", "PATCH /Users/…", "DELETE /Users/…"),
            *("GET /Groups/…", "PATCH /Groups/…", "DELETE /Groups/…"),
            "POST /oauth/token",
        }
    )
    beside: ClassVar[frozenset[str]] = frozenset({"/oauth/token"})
    rules: tuple[Rule, ...] = RULES

    def __init__(self) -> None:
        super().__init__()
        self.token = PASTED
        self.token_url = f"{self.url}/oauth/token"
        self.fetched: list[str] = []
        self.invited: set[str] = set()
        self.administrators: set[str] = set()
        self.unmoved: set[str] = set()
        self.lacks: set[str] = set()
        self.single_sign_on = True
        self.takes_quotes = True
        self.most_basic_users = 9_999
        # Token to the moment of its end. Nobody knows when a pasted one ends.
        self._tokens = {PASTED: float("inf")}

    def expire_tokens(self) -> None:
        self._tokens.clear()

    def allow(self, a_second: float) -> None:
        """The published limits are 1 to 80 requests a second, depending on page and plan."""
        self.limits = [Limit(".* /(Users|Groups).*", a_second, 1, burst=a_second)]

    def users(self) -> list[Document]:
        return [self.shown(user) for user in self.people.values()]

    # --------------------------------------------------------------------------- answers

    def error(self, status: int, detail: str) -> Reply:
        # The status is a number, where RFC 7644 asks for text (devforum.zoom.us 7646).
        return json_reply({"schemas": [ERROR], "detail": detail, "status": status}, status=status)

    def knows(self, asked: Asked) -> bool:
        if asked.place in self.beside:
            return True
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._tokens.get(token, -1.0) > self.clock.now

    def unknown(self) -> Reply:
        # Zoom's REST interface answers so (developers.zoom.us/docs/api/errors).
        return json_reply({"code": 124, "message": "Invalid access token."}, status=401)

    def too_many(self, seconds: float) -> Reply:
        # Without Retry-After, which is documented for no case. The words are the REST interface's.
        said = "You have reached the maximum per-second rate limit for this API. Try again later."
        return json_reply({"code": 429, "message": said}, status=429)

    def serve(self, asked: Asked) -> Reply:
        if asked.place in self.beside:
            return self._give_token(asked)
        if not self.single_sign_on:
            return self.error(400, "Account has not enabled Single Sign-On.")
        privilege = "Group:Edit" if asked.place.startswith("/Groups") else "User:Edit"
        if asked.method != "GET" and privilege in self.lacks:
            # The wording around the name of the privilege is not known.
            return self.error(403, f"No permission: {privilege} is required.")
        return super().serve(asked)

    def _give_token(self, asked: Asked) -> Reply:
        wanted = {"grant_type": ["account_credentials"], "account_id": [ACCOUNT]}
        basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        if asked.query != wanted or asked.headers.get("Authorization") != f"Basic {basic}":
            said = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
            return json_reply(said, status=400)
        token = f"token-{len(self.fetched) + 1}-{uuid.uuid4().hex}"
        self.fetched.append(token)
        self._tokens[token] = self.clock.now + _LIFE
        told = {"token_type": "bearer", "expires_in": _LIFE, "scope": "scim2:admin"}
        return json_reply({"access_token": token, **told})

    # ----------------------------------------------------------------------- users, groups

    def listed(self, asked: Asked, resources: Resources) -> Reply:
        found = [self.shown(each) for each in resources.values() if not self._is_invited(each)]
        if "filter" in asked.query:
            question = asked.parameter("filter")
            if '"' in question and not self.takes_quotes:
                # Not seen in the wild; the form is that of the REST interface's errors.
                problem = {"field": "filter", "message": "Invalid filter."}
                said = {"code": 300, "message": "Validation Failed.", "errors": [problem]}
                return json_reply(said, status=400)
            name = str(sought(question)).casefold()
            if name in self.invited:
                return self.error(400, f"User {name} not exist or not belong to this account.")
            found = [user for user in found if user["userName"].casefold() == name]
        page = index_page(found, asked, otherwise=10, most=100)
        page["Resources"] = [_as_listed(each) for each in page["Resources"]]
        return json_reply(page)

    def create(self, asked: Asked, resources: Resources) -> Reply:
        sent = asked.document
        if resources is self.crews:
            if self.taken(sent, resources):
                return self.error(400, "Create group failed.")
            return json_reply(self.shown(self.store(resources, sent)), status=201)
        if refusal := self._refusal(sent):
            return refusal
        made = self.store(resources, sent)
        if sent.get(OLD_ZOOM, _SSO) != _SSO:
            # A success is told, and then the user "does not exist" (devforum.zoom.us 6248).
            self.invited.add(sent["userName"].casefold())
        return json_reply(self.shown(made), status=201)

    def put(self, asked: Asked, resources: Resources) -> Reply:
        user = resources[asked.key]
        if refusal := self._refusal(asked.document, but=asked.key):
            return refusal
        if self._moves(user):
            if asked.document.get("active") is False and self._is_administrator(user):
                return self.error(400, _PROTECTED)
            _merge(user, asked.document)
        return json_reply(self.shown(user))

    def patch(self, asked: Asked, resources: Resources) -> Reply:
        if resources is self.crews:
            return super().patch(asked, resources)
        user = resources[asked.key]
        active = asked.operations[0]["value"]["active"]
        if not active and self._is_administrator(user):
            return self.error(400, _PROTECTED)
        if self._moves(user):
            user["active"] = active
        return json_reply(self.shown(user))

    def _refusal(self, sent: Document, but: str = "") -> Reply | None:
        if not str(sent.get("userName", DOMAIN)).casefold().endswith(DOMAIN):
            return self.error(
                400,
                "Domain name doesn't match. Please contact the Zoom Customer Support to set "
                "managed domains for your account.",
            )
        if self.taken(sent, self.people, but=but):
            # Neither the status nor the words are known.
            return self.error(409, "User already in the account.")
        if not but and str(sent.get("userName")).casefold() in self.invited:
            return self.error(400, "The person has an open invitation.")
        basic = [each for each in self.people.values() if each.get("userType", "Basic") == "Basic"]
        if not but and len(basic) >= self.most_basic_users:
            # The limit is documented (entra-docs), the words are not.
            return self.error(400, "The account has reached the limit of 9,999 Basic users.")
        return None

    def _moves(self, user: Document) -> bool:
        return not self._is_invited(user) and user["userName"] not in self.unmoved

    def _is_invited(self, document: Document) -> bool:
        return str(document.get("userName", "")).casefold() in self.invited

    def _is_administrator(self, user: Document) -> bool:
        return user["userName"] in self.administrators

    def new_id(self) -> str:
        return f"k&{uuid.uuid4().hex[:20]}"

    def shown(self, document: Document) -> Document:
        shown = copied(document)
        if "userName" not in shown:
            return {**shown, "schemas": [CORE_GROUP]}
        used = [each for each in (ENTERPRISE_USER, NEW_ZOOM) if each in shown]
        shown["schemas"] = [CORE_USER, OLD_ZOOM, *used]
        location = f"{self.base_url}/Users/{shown['id']}"
        meta = {"resourceType": "User", "location": location}
        return {**shown, "externalId": shown["id"], "groups": [], "meta": meta, OLD_ZOOM: _SSO}


# No source has Zoom's own words.
_PROTECTED = "Can not deactivate an administrator."


def _merge(held: Document, sent: Document) -> None:
    """PUT merges: what is not sent stays. That null is no value is RFC 7643 2.5."""
    for key, value in sent.items():
        if value is None or value == []:
            held.pop(key, None)
        elif isinstance(value, dict) and isinstance(held.get(key), dict):
            _merge(held[key], value)
        else:
            held[key] = value


def _as_listed(document: Document) -> Document:
    """Without what a list leaves out and a single user shows (devforum.zoom.us 111286)."""
    shown = {key: value for key, value in document.items() if key != NEW_ZOOM}
    if ENTERPRISE_USER in shown:
        hidden = {"organization", "costCenter", "manager"}
        held = shown[ENTERPRISE_USER].items()
        shown[ENTERPRISE_USER] = {key: value for key, value in held if key not in hidden}
    return shown
