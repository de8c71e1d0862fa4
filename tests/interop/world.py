"""The people of the scenario and what each account should hold, without the product's help."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.interop.plain import ENTERPRISE_USER

WORK_MAIL = 'emails[type eq "work"].value'
HOME_MAIL = 'emails[type eq "home"].value'
PHONE = 'phoneNumbers[type eq "work"].value'
DEPARTMENT = f"{ENTERPRISE_USER}:department"
ORGANIZATION = f"{ENTERPRISE_USER}:organization"
EMPLOYEE = f"{ENTERPRISE_USER}:employeeNumber"

# Mapping target to portal attribute.
MAPPED = {
    "userName": "username",
    "name.givenName": "first_name",
    "name.familyName": "last_name",
    "displayName": "display_name",
    "title": "title",
    WORK_MAIL: "email",
    HOME_MAIL: "custom.home_email",
    PHONE: "phone",
    "locale": "locale",
    "timezone": "timezone",
    DEPARTMENT: "department",
    ORGANIZATION: "custom.custom_attribute_1",
    EMPLOYEE: "employee_id",
}
SHORT = {
    "name.givenName": "given name",
    "name.familyName": "family name",
    "displayName": "display name",
    WORK_MAIL: "work e-mail",
    HOME_MAIL: "home e-mail",
    PHONE: "phone",
    DEPARTMENT: "department",
    ORGANIZATION: "organization",
    EMPLOYEE: "employee number",
}

# What no two people share.
PERSONAL = {"userName", WORK_MAIL, HOME_MAIL, PHONE, EMPLOYEE}

# Names that a filter, a path or a page must take as they are.
NAMES = (
    ("ann", "Ann", "Lee"),
    ("bob+sales", "Bob", "Okafor"),
    ("carla", "Carla", "Núñez"),
    ("dai", "Dai", "Pham & Sons"),
    ("ebru", "Ebru", "Çelik"),
    ("femi", "Femi", "Adeyemi"),
    ("grace.o'neill", "Grace", "O'Neill"),
    ("hana", "花", "佐藤"),
    ("ivan", "Ivan", 'Petrov "Vanya"'),
    ("jo", "Jo", "Müller-Lang"),
    ("kiri", "Kiri", "Ngata"),
    ("liam", "Liam", "Byrne"),
)


@dataclass
class Person:
    """Somebody, and the account that should be there."""

    key: str
    values: dict[str, str]
    # Whether there should be an account, and whether it should be switched on.
    there: bool = False
    active: bool = True
    # Of the account there, once one was seen.
    remote_id: str = ""

    @property
    def username(self) -> str:
        return self.values["userName"]

    def should_hold(self, path: str) -> str | None:
        return self.values.get(path)


@dataclass
class World:
    """Everybody. `strangers` are accounts that nobody here may touch, as they were at first."""

    people: dict[str, Person] = field(default_factory=dict)
    strangers: dict[str, dict[str, object]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people.values())


def newcomer(key: str, first: str, last: str, number: int) -> Person:
    """Everything that is mapped has a value."""
    name = f"{key}@example.org"
    return Person(
        key=key,
        values={
            "userName": name,
            "name.givenName": first,
            "name.familyName": last,
            "displayName": f"{first} {last}",
            "title": "Engineer",
            WORK_MAIL: name,
            HOME_MAIL: f"{key}@home.example.net",
            PHONE: f"+44 20 7946 00{number:02}",
            "locale": "en-GB",
            "timezone": "Europe/Paris",
            DEPARTMENT: "Research & Development",
            ORGANIZATION: "EMEA",
            EMPLOYEE: f"{number:04}",
        },
    )


def everybody() -> World:
    return World(
        people={
            key: newcomer(key, first, last, number)
            for number, (key, first, last) in enumerate(NAMES, start=1)
        }
    )
