"""Who is asking: a program with a token, or an operator who is signed in."""

import logging
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from iam import tokens
from iam.models import ApiToken, Operator, Scope

logger = logging.getLogger(__name__)

READS = ("GET", "HEAD", "OPTIONS")
_RIGHT = {"GET": "view", "HEAD": "view", "POST": "add", "PATCH": "change", "DELETE": "delete"}


class Bearer(BaseAuthentication):
    """A token in the Authorization header, and nowhere else."""

    def authenticate(self, request: Request) -> tuple[Operator, ApiToken] | None:
        header = request.headers.get("Authorization", "")
        scheme, _, secret = header.partition(" ")
        if not header:
            return None
        if scheme.casefold() != "bearer":
            raise AuthenticationFailed("Send the token as “Authorization: Bearer …”.")
        try:
            token = tokens.found(secret.strip())
        except tokens.Refused as error:
            logger.warning(
                "A request to %s from %s was refused: %s",
                request.path,
                request.META.get("REMOTE_ADDR"),
                error,
            )
            raise AuthenticationFailed(str(error)) from error
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Gatehouse"'


class MayUse(BasePermission):
    """The operator needs Django's permission, and a token the scope as well."""

    def has_permission(self, request: Request, view: Any) -> bool:
        operator, token = request.user, request.auth
        if not (isinstance(operator, Operator) and operator.is_active and operator.is_staff):
            return False
        if not hasattr(view, str(request.method).lower()):
            # Nobody may: that is said next.
            return True
        if isinstance(token, ApiToken):
            scope = Scope.READ if request.method in READS else view.scope
            if scope and scope not in token.scopes:
                return self._refused(f"the token lacks the scope “{scope}”")
        right = needed(view, request.method or "")
        if right and not operator.has_perm(right):
            return self._refused(f"the operator “{operator}” lacks the permission “{right}”")
        return True

    def _refused(self, reason: str) -> bool:
        self.message = f"This was not done: {reason}."
        return False


def needed(view: Any, method: str) -> str:
    """The permission that this takes; empty where any operator may."""
    if view.right or method not in _RIGHT or view.model is None:
        return str(view.right)
    meta = view.model._meta
    return f"{meta.app_label}.{_RIGHT[method]}_{meta.model_name}"


def caller(request: Request) -> str:
    """A name for whoever asks, that no one else has."""
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    if request.user.is_authenticated:
        return f"operator:{request.user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR')}"


def acting(request: Request) -> str:
    """Who is written down as having done it."""
    name = request.user.get_username()
    if isinstance(request.auth, ApiToken):
        return f"{name[:85]} (token {request.auth.name})"
    return name
