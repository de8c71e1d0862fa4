"""The ways in which a SCIM connector proves who it is, and the settings that they need."""

import base64
from collections.abc import Mapping

from provisioning.connectors.base import Setting
from provisioning.connectors.oauth import ClientCredentials, Tokens

BEARER = ("auth", "bearer")
BASIC = ("auth", "basic")
OAUTH = ("auth", "oauth")

TOKEN = Setting(
    key="token",
    label="Bearer token",
    help_text="The secret token that the application made for provisioning.",
    secret=True,
)
CHOICE = Setting(
    key="auth",
    label="Sign-in method",
    help_text="What the application's provisioning page offers. Nearly always it is a token.",
    default="bearer",
    choices=(
        ("bearer", "Bearer token"),
        ("basic", "User name and password"),
        ("oauth", "OAuth 2.0 client credentials"),
    ),
)
CLIENT: tuple[Setting, ...] = (
    Setting(
        key="token_url",
        label="Token address",
        help_text="Where tokens are fetched. It often ends in /token.",
        is_url=True,
        when=OAUTH,
    ),
    Setting(
        key="client_id",
        label="Client ID",
        help_text="Shown where the application made the client for provisioning.",
        when=OAUTH,
    ),
    Setting(
        key="client_secret",
        label="Client secret",
        help_text="Shown beside it, often only once.",
        secret=True,
        when=OAUTH,
    ),
    Setting(
        key="scope",
        label="Scope",
        help_text="Only if the application asks for one. Several are separated by blanks.",
        optional=True,
        when=OAUTH,
    ),
)
PASSWORD: tuple[Setting, ...] = (
    Setting(
        key="username",
        label="User name",
        help_text="Of the account that may manage users there.",
        when=BASIC,
    ),
    Setting(
        key="password",
        label="Password",
        help_text="Of that account.",
        secret=True,
        as_typed=True,
        when=BASIC,
    ),
)


class Fixed:
    """The same header with every request. `secrets` are kept out of what people read."""

    def __init__(self, header: str, *secrets: str) -> None:
        self.secrets = secrets
        self._header = header

    def header(self) -> str:
        return self._header

    def close(self) -> None:
        """Nothing is open."""


def chosen(
    app: str, config: Mapping[str, str], *, internal: bool, ca_certificate: str
) -> Fixed | Tokens:
    """What the administrator chose under “Sign-in method”, a bearer token where there is none."""
    match config.get("auth"):
        case "oauth":
            return ClientCredentials(
                app,
                token_url=config.get("token_url", ""),
                client_id=config.get("client_id", ""),
                client_secret=config.get("client_secret", ""),
                scope=config.get("scope", ""),
                internal=internal,
                ca_certificate=ca_certificate,
            )
        case "basic":
            password = config.get("password", "")
            both = base64.b64encode(f"{config.get('username', '')}:{password}".encode()).decode()
            return Fixed(f"Basic {both}", password, both)
    token = config.get("token", "")
    return Fixed(f"Bearer {token}", token)
