"""What has to be right when an application is set up: first mapping, secrets, credentials."""

from collections.abc import Collection
from collections.abc import Mapping as Values

from django.db import transaction
from django.db.models import F

from provisioning import addresses, connections, correlation, lanes
from provisioning import secrets as sealing
from provisioning.errors import ConnectorError, Unavailable
from provisioning.models import App, GroupsToPush, Mapping, Resource
from provisioning.plan import Feature

# On at the start: everything that can be undone.
_DEFAULT_FEATURES = (Feature.CREATE_USERS, Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS)
_LONGEST_SECRET = 8_192
_TRY_AGAIN = (
    "To find out sooner, check the address, and press “Save and test connection” once more."
)


@transaction.atomic
def create(app: App) -> App:
    """Save a new app with its connector's default features and default mapping."""
    app.features = [f.value for f in _DEFAULT_FEATURES if f in app.kind.features]
    app.settings = {s.key: s.default for s in app.kind.settings if not s.secret}
    app.save()
    add_default_mapping(app)
    add_default_group_mapping(app)
    return app


def add_default_mapping(app: App) -> None:
    """The rows that the connector suggests."""
    for position, (target, source) in enumerate(app.kind.default_mappings):
        Mapping.objects.create(app=app, target=target, source=source, position=position)


def complete(app: App) -> None:
    """What an app needs beside what was entered, once it is saved."""
    if app.groups_to_push != GroupsToPush.NONE:
        add_default_group_mapping(app)


def add_default_group_mapping(app: App) -> None:
    """The rows that the connector suggests for groups, if there are none.

    An app that is older than they are gets them when its groups are first pushed.
    """
    if app.mappings.of_groups().exists():
        return
    for position, (target, source) in enumerate(app.kind.default_group_mappings):
        Mapping.objects.create(
            app=app, resource=Resource.GROUP, target=target, source=source, position=position
        )


def configure(
    app: App,
    *,
    settings: Values[str, str],
    secrets: Values[str, str],
    features: Collection[Feature],
) -> None:
    """Put the connection and the switched-on features into the app; the caller saves it."""
    if app.settings != dict(settings):
        # It may be another system now.
        app.learned = {}
    app.settings = dict(settings)
    app.sealed_secrets = sealing.seal({key: value for key, value in secrets.items() if value})
    app.features = [feature.value for feature in app.kind.features if feature in features]


def secrets_to_keep(app: App, new_settings: Values[str, str]) -> dict[str, str]:
    """The stored secrets, unless an address now points to another server.

    Otherwise someone who may edit the app but not read its token could point it to a server of
    their own and have the token sent there.
    """
    if _origins(app, app.settings) != _origins(app, new_settings):
        return {}
    try:
        return app.secrets
    except sealing.Unreadable:
        return {}


def clean_secret(text: str) -> str:
    """A token as it was meant: without the blanks and the “Bearer” that came along with a copy.

    Raises ValueError for what can never be a token and would break the request's header.
    """
    value = _bare(text)
    if value.casefold() == "bearer" or value.casefold().startswith("bearer "):
        value = _bare(value[len("bearer") :])
    if len(value) > _LONGEST_SECRET:
        raise ValueError("This is too long for a token. Copy the token alone.")
    for position, character in enumerate(value, start=1):
        if not "!" <= character <= "~":
            raise ValueError(
                f"Character {position} cannot be part of a token (a blank, a line break or a "
                "letter outside the Latin alphabet). Copy the token alone and paste it again."
            )
    return value


def clean_password(text: str) -> str:
    """A password as a person chose it, whatever is in it but signs that nobody can see."""
    if len(text) > _LONGEST_SECRET or not text.isprintable():
        raise ValueError(
            "This cannot be a password: it is too long, or it holds a line break. Enter it again."
        )
    return text


def _bare(text: str) -> str:
    return text.strip().strip("\"'").strip()


def check_connection(app: App) -> tuple[bool, str]:
    """Reach the application with what is stored: whether it worked, and what to do next.

    What was learned before is forgotten, and what the application says of itself takes its place.
    """
    forget(app)
    try:
        connector = connections.connector(app)
        try:
            with correlation.working_on({"correlation_id": correlation.new(), "app": app.name}):
                sentence = connector.check()
                lessons = connector.discover()
        finally:
            connector.close()
    except Unavailable as error:
        return False, f"{error} {_TRY_AGAIN}"
    except ConnectorError as error:
        return False, str(error)
    connections.remember(app, lessons)
    lanes.resume(app.pk)
    return True, sentence


def forget(app: App) -> None:
    """Find out anew how the application deviates; the accounts are not looked at for it."""
    App.objects.filter(pk=app.pk).update(learned={}, changed_at=F("changed_at"))


def _origins(app: App, settings: Values[str, str]) -> list[str]:
    entered = (settings.get(s.key) or s.default for s in app.kind.settings if s.is_url)
    return [addresses.origin(address) for address in entered if address]
