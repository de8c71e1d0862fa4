"""What has to be right when an application is set up: first mapping, secrets, credentials."""

from collections.abc import Collection
from collections.abc import Mapping as Values

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from provisioning import addresses, connections, correlation, lanes
from provisioning import secrets as sealing
from provisioning.connectors.base import Constant, Formula, Source
from provisioning.errors import ConnectorError, Unavailable
from provisioning.models import (
    NEEDS_A_PERSON,
    App,
    Apply,
    GroupsToPush,
    Mapping,
    Resource,
    SourceKind,
)
from provisioning.plan import Feature, State
from provisioning.scim import discovery
from provisioning.scim.dialect import DELETE

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
    Mapping.objects.bulk_create(
        Mapping(app=app, target=target, position=position, **_written(source))
        for position, (target, source) in enumerate(app.kind.default_mappings)
    )


def _written(source: Source) -> dict[str, str]:
    match source:
        case Constant(text):
            return {"kind": SourceKind.CONSTANT, "source": text}
        case Formula(text):
            return {"kind": SourceKind.EXPRESSION, "source": text}
        case str(key):
            return {"kind": SourceKind.ATTRIBUTE, "source": key}


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
    But not what no description says: that deleting only switches off is known by deletions alone.
    """
    forget(app, but=DELETE)
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


def forget(app: App, *, but: str = "") -> None:
    """Find out anew how the application deviates; the accounts are not looked at for it."""
    kept = {flag: lesson for flag, lesson in app.learned.items() if flag == but}
    App.objects.filter(pk=app.pk).update(learned=kept, changed_at=F("changed_at"))


def objections(app: App) -> list[str]:
    """What the application, by its own word, has against the mapping. It may be wrong."""
    learned = connections.learned(app)
    rows = list(app.mappings.of_people())
    said = [
        f"{app} {objection}. The row is kept: what an application says of itself is not always so."
        for row in rows
        if (objection := discovery.objection(row.target, learned, always=row.apply == Apply.ALWAYS))
    ]
    if missing := discovery.unfilled([row.target for row in rows], learned):
        said.append(f"{app} says that it needs {', '.join(missing)}, which no mapping row fills.")
    # Two rows may fill parts of one attribute.
    return list(dict.fromkeys(said))


def counted(apps: QuerySet[App]) -> QuerySet[App]:
    """Each with how many of its accounts are active, due, and need a person."""
    return apps.select_related("lane").annotate(
        active_accounts=Count("accounts", filter=Q(accounts__state=State.ACTIVE)),
        due_accounts=Count("accounts", filter=Q(accounts__due_at__lte=timezone.now())),
        stuck_accounts=Count("accounts", filter=Q(accounts__problem__in=NEEDS_A_PERSON)),
    )


def pause(app: App, *, paused: bool) -> None:
    """Send nothing to the application from now on, or send again what has waited."""
    with transaction.atomic():
        current = App.objects.select_for_update(no_key=True).get(pk=app.pk)
        if current.paused != paused:
            current.paused = paused
            current.save(update_fields=["paused", "changed_at"])


def _origins(app: App, settings: Values[str, str]) -> list[str]:
    entered = (settings.get(s.key) or s.default for s in app.kind.settings if s.is_url)
    return [addresses.origin(address) for address in entered if address]
