"""What can be said about a person: built-in attributes and custom ones."""

from dataclasses import dataclass

from iam.models import ProfileAttribute, User

Value = str | bool
CUSTOM = "custom."


@dataclass(frozen=True)
class Attribute:
    key: str
    label: str


BUILT_IN = (
    Attribute("username", "Username"),
    Attribute("is_active", "Active"),
    Attribute("first_name", "First name"),
    Attribute("last_name", "Last name"),
    Attribute("email", "E-mail"),
    Attribute("display_name", "Display name"),
    Attribute("full_name", "Full name"),
    Attribute("phone", "Phone"),
    Attribute("title", "Job title"),
    Attribute("department", "Department"),
    Attribute("manager", "Manager's username"),
    Attribute("employee_id", "Employee number"),
    Attribute("locale", "Locale"),
    Attribute("timezone", "Time zone"),
)
_BUILT_IN_KEYS = frozenset(attribute.key for attribute in BUILT_IN)


def custom() -> list[Attribute]:
    """The attributes that administrators defined, in their order."""
    return [
        Attribute(f"{CUSTOM}{attribute.key}", attribute.label)
        for attribute in ProfileAttribute.objects.all()
    ]


def value(user: User, key: str) -> Value | None:
    """What a person's attribute holds; None when it is empty.

    Raises KeyError for a key that is neither built in nor custom. A custom one is not looked up in
    the database: one that nobody has filled in is simply empty.
    """
    if key.startswith(CUSTOM):
        return user.custom.get(key.removeprefix(CUSTOM)) or None
    if key not in _BUILT_IN_KEYS:
        raise KeyError(key)
    if key == "manager":
        return user.manager.username if user.manager else None
    found: Value = getattr(user, key)
    return None if found == "" else found
