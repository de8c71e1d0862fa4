"""The guide's steps, done with the same functions that the admin pages call."""

from iam.models import Group, User
from provisioning import apps_setup
from provisioning.demo.standin import TOKEN
from provisioning.models import Account, App, LoginMethod, Policy
from provisioning.plan import Feature

DOMAIN = "example.org"
PEOPLE = (
    ("Ann", "Lee", "EMEA"),
    ("Bob", "Okafor", "EMEA"),
    ("Carla", "Núñez", "Americas"),
    ("Dai", "Pham", "Asia"),
    ("Ebru", "Çelik", "EMEA"),
    ("Femi", "Adeyemi", "EMEA"),
    ("Grace", "O'Neill", "Americas"),
    ("Hana", "Sato", "Asia"),
    ("Ivan", "Petrov", "EMEA"),
    ("Jo", "Müller-Lang", "EMEA"),
    ("Kiri", "Ngata", "Asia"),
    ("Liam", "Byrne", "Americas"),
)


def add_app(base_url: str) -> App:
    """The Zoom app with the guide's mapping, connected to the stand-in."""
    app = apps_setup.create(App(name="Zoom", connector="zoom", internal=True))
    features = {Feature.CREATE_USERS, Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS}
    apps_setup.configure(
        app,
        settings={"base_url": base_url, "auth": "bearer"},
        secrets={"token": TOKEN},
        features=features,
    )
    app.save()
    return app


def add_group_and_policy(app: App) -> Group:
    group = Group.objects.create(name="Sales", description="Everyone who talks to customers")
    Policy.objects.create(
        name="Zoom for Sales", app=app, group=group, login_method=LoginMethod.EXTERNAL
    )
    return group


def add_people() -> list[User]:
    return [
        User.objects.create(
            username=f"{first.lower()}@{DOMAIN}",
            first_name=first,
            last_name=last,
            email=f"{first.lower()}@{DOMAIN}",
            custom={"custom_attribute_1": region},
        )
        for first, last, region in PEOPLE
    ]


def rename(user: User) -> None:
    """A new name, user name and e-mail address, as after a marriage."""
    user.last_name = "Okafor-Lind"
    user.username = user.email = f"bob.lind@{DOMAIN}"
    user.save()


def waiting() -> int:
    return Account.objects.filter(due_at__isnull=False).count()
