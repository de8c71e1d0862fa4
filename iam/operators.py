"""Creates operators and gives out one-time passwords."""

import secrets

from iam import roles
from iam.models import Operator, Role

# No letters or digits that are easily taken for one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


def one_time_password(username: str, role: Role = Role.SUPERUSER) -> str:
    """Let `username` sign in once with the password returned; create the operator if new.

    A new operator has this role. Everybody must choose a password of their own before going on.
    """
    password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3))
    operator = Operator.objects.filter(username=username).first()
    if operator is None:
        operator = Operator(username=username)
        roles.give(operator, role)
        operator.full_clean(exclude=["password"])
    operator.set_password(password)
    operator.password_is_temporary = True
    operator.save()
    return password


def first_operator() -> tuple[str, str] | None:
    """User name and one-time password of the first operator; None when there is one already."""
    if Operator.objects.exists():
        return None
    return "admin", one_time_password("admin")
