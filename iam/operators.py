"""Creates operators and gives out one-time passwords."""

import secrets

from iam.models import Operator

# No letters or digits that are easily taken for one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


def one_time_password(username: str) -> str:
    """Let `username` sign in once with the password returned; create the operator if new.

    The operator is a superuser and must choose a password of their own before going on.
    """
    password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3))
    operator, _ = Operator.objects.get_or_create(
        username=username, defaults={"is_staff": True, "is_superuser": True}
    )
    operator.set_password(password)
    operator.password_is_temporary = True
    operator.save()
    return password


def first_operator() -> tuple[str, str] | None:
    """User name and one-time password of the first operator; None when there is one already."""
    if Operator.objects.exists():
        return None
    return "admin", one_time_password("admin")
