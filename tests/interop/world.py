"""The people of the scenario and what each account should hold, without the product's help."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.interop.plain import ENTERPRISE_USER, HeldGroup

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
class Team:
    """A group, and who should be in it there: those of its members whose account is switched on."""

    key: str
    name: str
    members: set[str]
    there: bool = False
    remote_id: str = ""
    # Accounts that were in it before it was adopted, by their ids.
    before: frozenset[str] = frozenset()

    @property
    def who(self) -> str:
        """As a person's key, for what is said of it."""
        return f"group {self.key}"


@dataclass
class World:
    """Everybody. The strangers are what nobody here may touch, as it was at first."""

    people: dict[str, Person] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    strangers: dict[str, dict[str, object]] = field(default_factory=dict)
    strange_groups: dict[str, HeldGroup] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people.values())

    def should_be_in(self, team: Team) -> set[str]:
        """By their keys."""
        people = (self.people[key] for key in team.members)
        return {person.key for person in people if person.there and person.active}

    def known_as(self, remote_id: str) -> str:
        """Whose account this is."""
        for person in self:
            if person.remote_id == remote_id:
                return person.key
        return f"account {remote_id}"


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
    people = {
        key: newcomer(key, first, last, number)
        for number, (key, first, last) in enumerate(NAMES, start=1)
    }
    teams = {
        "sales": Team("sales", "Sales", {"ann", "bob+sales", "carla", "dai"}),
        "legal": Team("legal", 'Legal & "Compliance"', {"ebru", "femi", "kiri", "jo"}),
        "ops": Team("ops", "Opérations", {"hana", "ivan"}),
    }
    return World(people, teams)
