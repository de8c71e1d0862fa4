"""Zoom, over its SCIM 2.0 service.

Facts from developers.zoom.us/docs/api/scim2 and the reports of other clients, November 2026:
- PUT merges and takes only what changed; PATCH is documented for switching an account on and off
  only. So a change goes as a PUT of what Zoom holds with the change put in, which is right whether
  the server merges or replaces.
- `externalId` is Zoom's own user id, so ours is neither sent nor expected.
- A person who was invited and has not accepted is answered with 400 instead of a result.
- A list shows neither Zoom's own attributes nor organization, cost center and manager
  (devforum.zoom.us 111286), which is no reason to think that somebody removed them.
- Groups have no PUT. PATCH adds, removes and replaces members and renames, in a form that no page
  shows, so RFC 7644's is sent; a body has at most 100,000 characters, well above that of the 100
  members that are sent at once, a careful choice.
- Requests are labelled application/json, and so are the replies, although application/scim+json
  is what has to be asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from provisioning import http
from provisioning.connectors.base import RemoteAccount, Setting, Step
from provisioning.connectors.oauth import AccountCredentials, Tokens
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.connectors.service import Unsupported
from provisioning.connectors.signing_in import BEARER, OAUTH, Fixed
from provisioning.errors import Misconfigured, Rejected
from provisioning.plan import Value
from provisioning.scim import messages
from provisioning.scim.dialect import Dialect, Groups, Members, Search, Update, evidence

# "User … not exist or not belong to this account": the words of the 400 for a pending person.
_PENDING = "not belong to this account"
_OLD_ZOOM = "urn:us:zoom:scim:schemas:extension:1.0:ZoomUser"


class Zoom(Scim):
    slug: ClassVar[str] = "zoom"
    label: ClassVar[str] = "Zoom"
    description: ClassVar[str] = "Zoom Workplace accounts, over Zoom's SCIM 2.0 service."
    position: ClassVar[int] = 10
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="Zoom's own address is https://api.zoom.us/scim2. Change it only if Zoom "
            "gave you another one.",
            default="https://api.zoom.us/scim2",
            is_url=True,
        ),
        Setting(
            key="auth",
            label="Sign-in method",
            help_text="Server-to-Server OAuth renews its token by itself. A pasted token ends "
            "sooner or later and must then be pasted again.",
            default="oauth",
            choices=(("oauth", "Server-to-Server OAuth"), ("bearer", "Bearer token")),
        ),
        Setting(
            key="token",
            label=TOKEN.label,
            help_text="The access token that Zoom shows.",
            secret=True,
            when=BEARER,
        ),
        Setting(
            key="account_id",
            label="Account ID",
            help_text="On the “App Credentials” page of your Server-to-Server OAuth app.",
            when=OAUTH,
        ),
        Setting(key="client_id", label="Client ID", help_text="Shown below it.", when=OAUTH),
        Setting(
            key="client_secret",
            label="Client secret",
            help_text="Shown below that.",
            secret=True,
            when=OAUTH,
        ),
        Setting(
            key="token_url",
            label="Token address",
            help_text="Where tokens are fetched. Zoom's own address is right for nearly everyone.",
            default="https://zoom.us/oauth/token",
            is_url=True,
            when=OAUTH,
        ),
    )
    # The last two belong together. Any other pair than workEmail false and sso true makes a new
    # person pending (devforum.zoom.us 6248), so no first mapping fills them, and the guide shows a
    # formula that gives this pair or nothing.
    known_targets: ClassVar[tuple[str, ...]] = (
        *Scim.known_targets,
        f"{_OLD_ZOOM}:loginType.workEmail",
        f"{_OLD_ZOOM}:loginType.sso",
    )
    # The six rows of the Zoom guide.
    default_mappings: ClassVar[tuple[tuple[str, str], ...]] = (
        ("userName", "username"),
        ("active", "is_active"),
        ("name.givenName", "first_name"),
        ("name.familyName", "last_name"),
        ('emails[type eq "work"].value', "email"),
        (f"{messages.ENTERPRISE_USER}:organization", "custom.custom_attribute_1"),
    )
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Verify your domain",
            "In Zoom, open Account Management > Account Profile and add the domain of your e-mail "
            "addresses under “Associated Domains”. Without it Zoom keeps new people as pending.",
        ),
        Step(
            "Make an app",
            "On marketplace.zoom.us choose Develop > Build App > Server-to-Server OAuth App and "
            "give it a name such as “Gatehouse”.",
        ),
        Step("Allow it to manage people", "Under “Scopes” add scim2:admin."),
        Step(
            "Activate it and copy three values",
            "Press “Activate your app”. Copy Account ID, Client ID and Client Secret from “App "
            "Credentials” into the fields of this page.",
        ),
        Step("Try it", "Press “Save and test connection” at the bottom of this page."),
    )
    dialect: ClassVar[Dialect] = Dialect(
        updates=(Update.PUT,),
        # As in Zoom's own example; the form with a path is not documented.
        switches=(Update.WHOLE,),
        # Its pages show filters without quotes; Okta and Entra send them with quotes.
        searches=(Search.FILTER, Search.BARE, Search.LISTING),
        # Beside it only externalId is documented, which is Zoom's own.
        searchable=("userName",),
        # For whom Zoom does not know; a pending person is answered with 400 (devforum 7646).
        nobody=(404,),
        keeps_external_id=False,
        media_type="application/json",
        # None is documented.
        discovery=(),
        groups=Groups(
            updates=(Update.PATHS, Update.WHOLE),
            # No filter is documented for groups.
            searches=(Search.LISTING,),
            additions=(Members.LIST, Members.PATHLESS),
            removals=(Members.CHOSEN, Members.LIST, Members.NAMED_LIST),
            # Not documented.
            excludes_members=False,
        ),
    )
    known_group_targets: ClassVar[tuple[str, ...]] = (
        *Scim.known_group_targets,
        "urn:ietf:params:scim:schemas:extension:zoom:2.0:Group:emailAlias",
    )
    not_listed: ClassVar[tuple[str, ...]] = (
        f"{messages.ENTERPRISE_USER}:organization",
        f"{messages.ENTERPRISE_USER}:costCenter",
        f"{messages.ENTERPRISE_USER}:manager",
        "urn:ietf:params:scim:schemas:extension:zoom:1.0:User",
    )
    # Zoom publishes 80 a second for large accounts and, on an older page, 1 (November 2026). This
    # is a careful choice between the two, which an administrator can change.
    requests_per_second: ClassVar[float] = 5

    def _sign_in(self) -> Fixed | Tokens:
        if self.config.get("auth") != "oauth":
            return super()._sign_in()
        return AccountCredentials(
            self.name,
            token_url=self.config.get("token_url", ""),
            account_id=self.config.get("account_id", ""),
            client_id=self.config.get("client_id", ""),
            client_secret=self.config.get("client_secret", ""),
            internal=self.internal,
            ca_certificate=self.ca_certificate,
        )

    def find(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
        made_by_us: bool,
    ) -> Sequence[RemoteAccount]:
        try:
            return super().find(
                values, matching=matching, external_id=external_id, made_by_us=made_by_us
            )
        except Rejected as error:
            # Invited, not yet accepted: creating would collide with the invitation
            # (devforum.zoom.us 7646). Every other 400 is told in Zoom's own words.
            if error.http_status != 400 or _PENDING not in str(error):
                raise
            raise Rejected(
                f"{self.name} has an open invitation for {values['userName']}, or the person has a "
                "private Zoom account with this address. Let the person accept the invitation, or "
                "withdraw it in Zoom, then press “Push now” on this account.",
                http_status=400,
            ) from error

    def _unsupported(
        self, method: str, path: str, reply: http.Response, body: dict[str, Any]
    ) -> Unsupported | None:
        """Also a filter that is refused as Zoom words it, by which the quotes may be meant."""
        found = super()._unsupported(method, path, reply, body)
        said = self._said(reply)
        quoted = '"' in body.get("params", {}).get("filter", "")
        names_it = "filter" in str(reply.body).casefold() and _PENDING not in said
        if found is not None or not (quoted and reply.status == 400 and names_it):
            return found
        return Unsupported(
            f"{self.name} refused it (error 400){said}. {self._correction(path)}",
            evidence=evidence("a search", 400, said),
            http_status=400,
        )

    def _not_allowed(self, status: int, said: str) -> Misconfigured:
        if not isinstance(self._credentials, Tokens) or status != 401:
            return super()._not_allowed(status, said)
        return Misconfigured(
            f"{self.name} did not accept a token that it had just made itself{said}. Check on the "
            f"page of your Server-to-Server OAuth app at {self.name} that it is activated and has "
            "the scope scim2:admin, then press “Save and test connection”.",
            http_status=401,
        )
