"""Issues, finds and revokes the tokens with which programs use the API.

A token is 256 random bits, so its plain SHA-256 is enough: nobody can try them out.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from iam.models import ApiToken, Operator, Scope

PREFIX = "gh_"
LONGEST = timedelta(days=366)
# The time of the last use is written no more often than this.
_USED_EVERY = timedelta(minutes=1)


class Refused(Exception):
    """Why a token opens nothing, as a sentence."""


def issue(
    owner: Operator, *, name: str, scopes: Collection[str], expires_at: datetime
) -> tuple[ApiToken, str]:
    """A new token, and its text, which is known now and never again. Raises ValidationError."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        name=name,
        owner=owner,
        scopes=[scope.value for scope in Scope if scope in scopes],
        digest=_digest(secret),
        hint=secret[: len(PREFIX) + 4],
        expires_at=expires_at,
    )
    token.full_clean()
    token.save()
    return token, secret


def found(secret: str) -> ApiToken:
    """The token with this text, if it may be used; the use is noted. Raises Refused."""
    token = ApiToken.objects.select_related("owner").filter(digest=_digest(secret)).first()
    if token is None:
        raise Refused("The token is not known here. Copy it again, or have a new one made.")
    if refusal := _refusal(token):
        raise Refused(refusal)
    _note_use(token)
    return token


def revoke(tokens: QuerySet[ApiToken]) -> int:
    """End these tokens now; how many were still good for anything."""
    return tokens.filter(revoked_at=None).update(revoked_at=timezone.now())


def is_good(token: ApiToken) -> bool:
    return not _refusal(token)


def _refusal(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return f"The token “{token.name}” was revoked. Have a new one made."
    if token.expires_at <= timezone.now():
        return (
            f"The token “{token.name}” ended on {token.expires_at:%Y-%m-%d}. Have a new one made."
        )
    if not (token.owner.is_active and token.owner.is_staff):
        return (
            f"The operator “{token.owner.username}”, for whom the token “{token.name}” acts, may "
            "not sign in any more."
        )
    return ""


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at <= now - _USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
