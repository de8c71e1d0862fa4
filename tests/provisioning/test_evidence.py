"""Beside each event stands how it came about, with nothing in it that is secret or sensitive."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, GroupNesting, Membership, User
from provisioning import apps_setup, queue
from provisioning.echoes import MASK
from provisioning.models import Account, App, Event, Evidence, Mapping, Policy, SourceKind, Trigger
from provisioning.plan import Feature
from tests.conftest import REVERSIBLE, MakeApp, person
from tests.support.faulty import FaultyScim, answer, lose_answer, pages
from tests.support.servers import HttpServer, Reply, json_reply
from tests.support.target import Target

Push = Callable[[], None]
CANARY = "canary-7f3a-sensitive-value"


@pytest.fixture
def kind() -> str:
    return "scim"


def last(app: App) -> Evidence:
    return Evidence.objects.filter(event__app=app).select_related("event", "same_as").last()  # type: ignore[return-value]


def lines(evidence: Evidence) -> list[tuple[str, int | None]]:
    return [
        (each["request"]["method"], each["response"] and each["response"]["status"])
        for each in evidence.exchanges
    ]


# ------------------------------------------------------------------------------ what is kept


def test_a_create_has_its_reason_its_look_up_its_values_and_its_requests(
    app: App, ann: User, push: Push
) -> None:
    push()
    kept = last(app)
    assert kept.scope == {
        "wanted": True,
        "ways": [{"policy": "Zoom for Sales", "groups": ["Sales"]}],
        "others": 0,
        "why": "",
    }
    assert kept.matched == {"by": "", "asked": ["userName"], "found": 0}
    assert {"target": "name.familyName", "old": None, "new": "Ash"} in kept.changes
    assert kept.values["userName"] == ann.username
    assert lines(kept) == [("GET", 200), ("POST", 201)]
    made = kept.exchanges[1]
    assert made["request"]["body"]["name"]["familyName"] == "Ash"
    assert made["response"]["body"]["userName"] == ann.username
    assert made["request"]["headers"]["Authorization"] == f"Bearer {MASK}"
    assert made["request"]["headers"]["X-Correlation-ID"] == kept.event.correlation_id


def test_a_change_has_the_old_and_the_new_value_and_was_known_by_its_id(
    app: App, ann: User, push: Push
) -> None:
    push()
    ann.last_name = "Oak"
    ann.save()
    push()
    kept = last(app)
    assert kept.changes == [{"target": "name.familyName", "old": "Ash", "new": "Oak"}]
    assert kept.matched["by"] == "id"
    assert [method for method, _ in lines(kept)] == ["PATCH"]


def test_who_is_adopted_was_found_by_an_attribute(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.add(ann.username.upper())
    push()
    kept = Evidence.objects.get(event__operation="adopt")
    assert kept.matched == {"by": "userName", "asked": ["userName"], "found": 1}


def test_a_nested_group_is_told_with_the_way_up(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, bob: User, push: Push
) -> None:
    middle, top = (Group.objects.create(name=name) for name in ("EMEA", "World"))
    GroupNesting.objects.create(parent=middle, child=sales)
    GroupNesting.objects.create(parent=top, child=middle)
    middle.users.add(bob)
    app = make_app(faulty, group=top)
    push()
    ways = {row.event.user_id: row.scope["ways"] for row in Evidence.objects.filter(event__app=app)}
    policy = "Zoom for World"
    assert ways == {
        ann.pk: [{"policy": policy, "groups": ["Sales", "EMEA", "World"]}],
        bob.pk: [{"policy": policy, "groups": ["EMEA", "World"]}],
    }


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        (lambda ann: ann.memberships.all().delete(), "No group of theirs has a policy for Zoom"),
        (lambda ann: Policy.objects.get().delete(), "No group of theirs has a policy for Zoom"),
        (
            lambda ann: Policy.objects.update(enabled=False) and queue.mark(trigger=Trigger.POLICY),
            "“Zoom for Sales” would give that group Zoom, but it is switched off",
        ),
        (lambda ann: (setattr(ann, "is_active", False), ann.save()), "The person was switched off"),
        (lambda ann: ann.delete(), "The person was deleted"),
    ],
    ids=["left the group", "policy deleted", "policy off", "switched off", "deleted"],
)
def test_a_removal_keeps_its_reason(
    faulty_app: App, ann: User, push: Push, leave: Callable[[User], object], why: str
) -> None:
    push()
    leave(ann)
    push()
    kept = last(faulty_app)
    assert kept.event.operation == "deactivate"
    assert kept.scope["wanted"] is False
    assert why in kept.scope["why"]


def test_a_removal_that_waits_keeps_its_reason_and_sent_nothing(
    faulty_app: App, ann: User, sales: Group, push: Push
) -> None:
    push()
    App.objects.update(guard_count=0, guard_percent=0)
    sales.users.remove(ann)
    push()
    kept = last(faulty_app)
    assert (kept.event.outcome, kept.exchanges) == ("held", [])
    assert "No group of theirs" in kept.scope["why"]


@pytest.mark.parametrize("fault", [answer(500, {"detail": "Out of coffee"}), lose_answer])
def test_a_failure_is_kept_with_what_was_answered(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, fault: Any
) -> None:
    faulty.on("POST", fault)
    push()
    failed = Evidence.objects.filter(event__operation="create").first()
    assert failed is not None
    made = failed.exchanges[-1]
    if made["response"]:
        assert made["response"]["body"] == {"detail": "Out of coffee"}
    else:
        assert "closed the connection without an answer" in made["error"]


def test_several_members_of_one_request_share_what_was_sent(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, bob: User, push: Push
) -> None:
    sales.users.add(bob)
    features = (*REVERSIBLE, Feature.CREATE_GROUPS, Feature.GROUP_MEMBERS)
    app = make_app(faulty, group=sales, features=features)
    App.objects.filter(pk=app.pk).update(groups_to_push="policies")
    queue.mark(trigger=Trigger.MANUAL)
    app.refresh_from_db()
    app.save()
    push()
    made = Evidence.objects.get(event__operation="create_group")
    assert "has a policy for Zoom" in made.scope["why"]
    first, second = Evidence.objects.filter(event__operation="add_member").order_by("pk")
    assert first.exchanges and first.same_as is None
    assert (second.exchanges, second.same_as) == ([], first)


def test_with_0_days_nothing_is_kept(faulty_app: App, ann: User, push: Push) -> None:
    App.objects.update(keep_evidence_days=0)
    push()
    assert Event.objects.exists() and not Evidence.objects.exists()


def test_only_the_first_and_the_last_of_many_requests_are_kept(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    for number in range(30):
        faulty.hidden.add(faulty.add(f"p{number}")["id"])
    faulty.paging = pages(2)
    faulty.hidden.add(faulty.add(ann.username)["id"])
    push()
    kept = Evidence.objects.earliest("pk")
    assert len(kept.exchanges) == 10
    assert kept.left_out > 3


# ------------------------------------------------------------------------- what is kept out


def everything() -> str:
    """All that the database holds of events and their evidence."""
    rows = [*Event.objects.all(), *Evidence.objects.all()]
    messages = list(Account.objects.values_list("message", flat=True))
    return f"{serializers.serialize('json', rows)}{messages}"


def test_a_sensitive_value_and_the_token_are_nowhere(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    row = Mapping.objects.create(app=faulty_app, target="title", source="title", sensitive=True)
    Mapping.objects.filter(pk=row.pk).update(match=1)
    ann.title = CANARY
    ann.save()
    faulty.on("POST", answer(400, {"detail": f"{CANARY} and {faulty.token} are wrong"}), times=1)
    push()
    queue.mark(trigger=Trigger.MANUAL)
    push()
    for title in (f"{CANARY}-2", ""):
        ann.title = title
        ann.save()
        push()
    operations = set(Event.objects.values_list("operation", "outcome"))
    assert operations == {("create", "failed"), ("create", "done"), ("update", "done")}
    assert any(CANARY in request.path for request in faulty.requests)
    assert CANARY not in everything()
    assert faulty.token not in everything()
    assert "title" in everything() and ann.username in everything()


def test_a_token_that_is_repeated_in_another_form_is_kept_out(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    repeated = base64.b64encode(faulty.token.encode()).decode().rstrip("=")
    faulty.on("POST", answer(400, {"detail": f"What is {repeated}?"}))
    push()
    assert f"What is {MASK}?" in str(last(faulty_app).exchanges)
    assert repeated not in everything()


def test_what_the_application_holds_of_a_sensitive_attribute_is_kept_out_too(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    Mapping.objects.create(app=faulty_app, target="title", source="title", sensitive=True)
    faulty.add(ann.username, title=CANARY)
    push()
    assert Evidence.objects.filter(event__operation="adopt").exists()
    assert CANARY not in everything()


def test_a_sensitive_value_is_kept_out_of_a_change_however_short_it_is(
    faulty_app: App, ann: User, push: Push
) -> None:
    Mapping.objects.create(app=faulty_app, target="title", source="title", sensitive=True)
    for title in ("Q", "Z"):
        ann.title = title
        ann.save()
        push()
    assert Event.objects.latest("pk").message == "Changed in Zoom: title from “•••” to “•••”."


def test_a_formula_that_has_no_value_does_not_quote_a_sensitive_one(
    faulty_app: App, ann: User, push: Push
) -> None:
    Mapping.objects.create(
        app=faulty_app,
        target="title",
        kind=SourceKind.EXPRESSION,
        source='format_date(title, "YYYY-MM-DD", "DD.MM.YYYY")',
        sensitive=True,
    )
    ann.title = CANARY
    ann.save()
    push()
    assert Event.objects.latest("pk").outcome == "failed"
    assert "as the row is sensitive" in everything() and CANARY not in everything()


class TokenServer(HttpServer):
    """Gives out tokens, and repeats whatever it was sent."""

    def __init__(self) -> None:
        super().__init__(self._serve)

    def _serve(self, method: str, path: str, headers: Any, body: bytes) -> Reply:
        return json_reply({"access_token": FaultyScim.__name__ + "-token", "you": body.decode()})


def test_an_oauth_client_secret_and_its_tokens_are_nowhere(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.token = "FaultyScim-token"
    secret = "client-secret-8d1c"
    with TokenServer() as tokens:
        apps_setup.configure(
            faulty_app,
            settings={
                "base_url": faulty.base_url,
                "auth": "oauth",
                "token_url": f"{tokens.url}/token",
                "client_id": "gatehouse",
            },
            secrets={"client_secret": secret},
            features=REVERSIBLE,
        )
        faulty_app.save()
        push()
    kept = last(faulty_app)
    assert [method for method, _ in lines(kept)] == ["POST", "GET", "POST"]
    assert kept.exchanges[0]["request"]["body"] == MASK
    for each in (secret, faulty.token, "Z2F0ZWhvdXNl"):
        assert each not in everything()


# -------------------------------------------------------------------------------- what it costs


def test_the_statements_of_a_batch_do_not_grow_with_its_accounts(
    faulty_app: App, sales: Group, push: Push
) -> None:
    def asked(count: int, prefix: str) -> list[str]:
        """The questions why people are in scope."""
        people = [person(f"{prefix}{number}") for number in range(count)]
        Membership.objects.bulk_create(Membership(user=each, group=sales) for each in people)
        queue.mark(trigger=Trigger.MANUAL)
        with CaptureQueriesContext(connection) as got:
            push()
        about = ("provisioning_policy", "iam_membership", "iam_grouppath", "iam_groupnesting")
        return [
            query["sql"]
            for query in got.captured_queries
            if query["sql"].startswith("SELECT") and any(name in query["sql"] for name in about)
        ]

    push()
    assert len(asked(3, "few")) == len(asked(30, "many"))


def test_evidence_is_written_with_the_events_in_one_statement(
    faulty_app: App, ann: User, push: Push
) -> None:
    with CaptureQueriesContext(connection) as got:
        push()
    written = [query["sql"] for query in got.captured_queries if "INSERT" in query["sql"]]
    assert sum("provisioning_evidence" in sql for sql in written) == 1
    assert sum("provisioning_event" in sql and "evidence" not in sql for sql in written) == 1


def test_evidence_of_an_independent_server_is_kept(
    make_app: MakeApp, target: Target, sales: Group, ann: User, push: Push
) -> None:
    app = make_app(target, group=sales)
    push()
    assert lines(last(app)) == [("GET", 200), ("POST", 201)]
    assert target.token not in everything()
