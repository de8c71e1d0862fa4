"""What an application was found to do is kept for everybody, shown, and forgotten when asked."""

from collections.abc import Callable

import pytest
from django.test import Client

from iam.models import Group, User
from provisioning import apps_setup, connections, queue
from provisioning.models import App, Event, Problem, Trigger
from provisioning.plan import Feature
from provisioning.scim.dialect import Lesson
from tests.conftest import MakeApp, person
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim, answer, lose_answer, pages
from tests.support.looks import account, agree, happened

Push = Callable[[], None]
NO_PATCH = answer(501, {"detail": "No PATCH <b>here</b>."})
NO_FILTERS = answer(400, {"scimType": "invalidFilter", "detail": "No filters."})


@pytest.fixture
def crew(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, name="Crew", group=sales)


def learned(app: App) -> dict[str, str]:
    return {flag: lesson["value"] for flag, lesson in App.objects.get(pk=app.pk).learned.items()}


def another_process() -> None:
    """Nothing is open at its start."""
    connections._open.clear()


def rename(user: User, name: str) -> None:
    user.first_name = name
    user.save()


# ------------------------------------------------------------------------------------- changes


def test_a_refused_form_costs_one_request_once(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.on("PATCH", NO_PATCH)
    faulty.requests.clear()
    rename(ann, "Anna")
    push()
    assert faulty.writes == ["PATCH /Users/…", "PATCH /Users/…", "PUT /Users/…"]
    assert happened(crew)[-1] == ("update", "done")
    faulty.requests.clear()
    rename(ann, "Annabel")
    push()
    assert faulty.journal == ["GET /Users/…", "PUT /Users/…"]
    another_process()
    faulty.requests.clear()
    rename(ann, "Anne")
    push()
    assert faulty.journal == ["GET /Users/…", "PUT /Users/…"]
    assert faulty.user(ann.username)["name"]["givenName"] == "Anne"
    agree(crew, faulty)


def test_what_was_learned_is_kept_with_its_evidence_and_time(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.on("PATCH", NO_PATCH)
    rename(ann, "Anna")
    push()
    lesson = App.objects.get(pk=crew.pk).learned["update"]
    assert lesson["value"] == "put"
    assert lesson["evidence"].startswith("It answered 501 to PATCH: “No PATCH")
    assert lesson["at"]


def test_what_was_learned_is_no_change_of_the_app(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    before = App.objects.get(pk=crew.pk).changed_at
    faulty.on("PATCH", NO_PATCH)
    rename(ann, "Anna")
    push()
    assert learned(crew) == {"update": "put"}
    assert App.objects.get(pk=crew.pk).changed_at == before


def test_a_lost_answer_teaches_nothing_and_is_sent_again_as_it_was(
    crew: App, ann: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    push()
    faulty.on("PATCH", lose_answer, times=1)
    faulty.requests.clear()
    rename(ann, "Anna")
    push()
    assert faulty.writes == ["PATCH /Users/…"]
    later(hours=1)
    push()
    assert set(faulty.writes) == {"PATCH /Users/…"}
    assert learned(crew) == {}
    agree(crew, faulty)


def test_a_leaver_is_switched_off_where_there_is_no_patch(
    crew: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.on("PATCH", NO_PATCH)
    sales.users.remove(ann)
    push()
    assert faulty.active_names() == []
    assert happened(crew)[-1] == ("deactivate", "done")
    assert learned(crew) == {"switch": "put"}
    agree(crew, faulty)


def test_an_application_that_has_another_address_by_now_is_learned_anew(crew: App) -> None:
    lesson = Lesson("update", "put", "It answered 501.")
    former = App.objects.get(pk=crew.pk)
    crew.save()
    connections.remember(former, [lesson])
    assert learned(crew) == {}
    connections.remember(crew, [lesson])
    crew.refresh_from_db()
    assert learned(crew) == {"update": "put"}
    apps_setup.configure(
        crew,
        settings={**crew.settings, "base_url": "https://crew.example.org/scim"},
        secrets={},
        features=tuple(Feature),
    )
    assert crew.learned == {}


def test_lessons_of_two_workers_are_both_kept(crew: App) -> None:
    connections.remember(crew, [Lesson("update", "put", "a")])
    connections.remember(crew, [Lesson("switch", "put", "b")])
    assert learned(crew) == {"update": "put", "switch": "put"}


# ------------------------------------------------------------------------------------- searches


def test_newcomers_are_made_where_nothing_can_be_searched(
    crew: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("GET", NO_FILTERS, about="filter=")
    faulty.add("somebody@example.org")
    there = faulty.add(ann.username)
    sales.users.add(*(person(f"p{number}") for number in range(20)))
    push()
    assert len(faulty.names()) == 22
    assert account(crew, ann).remote_id == there["id"]
    assert learned(crew) == {"search.userName": "listing"}
    agree(crew, faulty)
    another_process()
    faulty.requests.clear()
    sales.users.add(*(person(f"q{number}") for number in range(20)))
    push()
    assert faulty.journal.count("GET /Users") == 2
    assert len(faulty.names()) == 42


def test_nobody_is_made_on_a_list_with_gaps(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-55"""
    faulty.ignores_filter = True
    faulty.add("somebody@example.org")
    faulty.paging = lambda found, start, count: {
        **pages()(found, start, count),
        "totalResults": 9,
    }
    push()
    assert faulty.writes == []
    row = account(crew, ann)
    assert row.problem == Problem.REJECTED
    assert "it speaks of 9 accounts and listed 1" in happened_in_words(crew)


def happened_in_words(app: App) -> str:
    return " ".join(Event.objects.filter(app=app).values_list("message", flat=True))


def test_an_account_that_the_search_hides_is_adopted_after_a_look_at_all(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-51"""
    there = faulty.add(ann.username)
    faulty.hidden.add(there["id"])
    push()
    assert account(crew, ann).remote_id == there["id"]
    assert happened(crew) == [("adopt", "done"), ("update", "done")]
    assert faulty.writes == ["POST /Users", "PATCH /Users/…"]
    assert learned(crew) == {}
    rename(ann, "Anna")
    faulty.requests.clear()
    push()
    assert faulty.journal == ["PATCH /Users/…"]


def test_an_account_that_is_nowhere_shown_is_for_a_person(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-53"""
    faulty.on("POST", answer(409, {"detail": "Exists already."}))
    push()
    assert account(crew, ann).problem == Problem.REJECTED
    assert "does not show it" in happened_in_words(crew)


# -------------------------------------------------------------------------------------- economy


def test_a_first_push_is_two_requests_whatever_was_learned_of_changes(
    crew: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.on("PATCH", NO_PATCH)
    rename(ann, "Anna")
    push()
    faulty.requests.clear()
    sales.users.add(person("bea"))
    push()
    assert faulty.journal == ["GET /Users", "POST /Users"]
    faulty.requests.clear()
    queue.mark(trigger=Trigger.MANUAL)
    push()
    assert faulty.journal == []


# -------------------------------------------------------------------------- what it says itself


def describe(faulty: FaultyScim, **says: bool) -> None:
    body = {feature: {"supported": value} for feature, value in says.items()}
    faulty.on("GET", answer(200, body), about="/ServiceProviderConfig")


def test_the_test_of_the_connection_asks_what_the_application_can_do(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    describe(faulty, patch=False, filter=True)
    assert apps_setup.check_connection(crew)[0]
    assert learned(crew) == {
        "update": "put",
        "switch": "put",
        "search.userName": "filter",
        "search.externalId": "filter",
        "group_update": "put",
        "group_search.displayName": "filter",
        "group_search.externalId": "filter",
        "member_addition": "put",
        "member_removal": "put",
    }
    push()
    faulty.requests.clear()
    rename(ann, "Anna")
    push()
    assert faulty.journal == ["GET /Users/…", "PUT /Users/…"]


def test_an_untrue_description_is_corrected(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-61"""
    describe(faulty, patch=False)
    apps_setup.check_connection(crew)
    push()
    faulty.on("PUT", answer(405))
    rename(ann, "Anna")
    push()
    assert faulty.user(ann.username)["name"]["givenName"] == "Anna"
    assert learned(crew)["update"] == "patch"


@pytest.mark.parametrize(
    "fault",
    [
        answer(404),
        answer(500),
        answer(401),
        answer(200, []),
        answer(200, {"patch": 7}),
        lose_answer,
    ],
    ids=["404", "500", "401", "list", "number", "lost"],
)
def test_a_missing_description_is_fine(crew: App, faulty: FaultyScim, fault: object) -> None:
    """bad-input-60"""
    faulty.on("GET", fault, about="/ServiceProviderConfig")  # type: ignore[arg-type]
    assert apps_setup.check_connection(crew)[0]
    assert learned(crew) == {}


def test_a_push_does_not_ask_for_the_description(
    crew: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert not [request for request in faulty.requests if "ServiceProvider" in request.path]


def says(faulty: FaultyScim, path: str, body: object) -> None:
    faulty.on("GET", answer(200, body), about=path)


USERS = {
    "id": "urn:ietf:params:scim:schemas:core:2.0:User",
    "attributes": [
        {"name": "userName", "required": True},
        {"name": "active"},
        {"name": "title", "mutability": "readOnly"},
        {"name": "badge", "required": True},
    ],
}
CUSTOM = {"id": "urn:crew:scim:2.0:User", "attributes": [{"name": "shoeSize"}]}


def test_a_description_of_users_is_shown_suggested_and_warned_of(
    crew: App, faulty: FaultyScim, admin_client: Client
) -> None:
    extensions = [{"schema": CUSTOM["id"]}]
    says(faulty, "/ResourceTypes", [{"name": "User", "schemaExtensions": extensions}])
    # A page at a time, as a list response.
    says(faulty, "/Schemas?startIndex=2", {"totalResults": 2, "Resources": [CUSTOM]})
    says(faulty, "/Schemas", {"totalResults": 2, "Resources": [USERS]})
    page = visit(admin_client, "provisioning_app_change", crew.pk).send(button="_save_and_test")
    assert "It has no groups." in page.text
    assert "It describes 5 attributes of its users. It needs userName, badge." in page.text
    assert 'value="urn:crew:scim:2.0:User:shoeSize"' in page.html
    crew.mappings.create(target="title", source="title", position=9)
    saved = visit(admin_client, "provisioning_app_change", crew.pk).send()
    assert "Crew says that it fills in “title” by itself. The row is kept" in saved.text
    assert "Crew does not say that its users have “name”" in saved.text
    assert "Crew says that it needs badge, which no mapping row fills." in saved.text
    assert crew.mappings.filter(target="title").exists()
    visit(admin_client, "provisioning_app_change", crew.pk).send(button="_forget_learned")
    assert learned(crew) == {}
    assert apps_setup.objections(App.objects.get(pk=crew.pk)) == []


@pytest.mark.parametrize(
    "fault",
    [
        answer(500),
        answer(200, {"Resources": [{"id": 7}]}),
        answer(200, ["x"] * 400_000),
        lose_answer,
    ],
    ids=["500", "nonsense", "huge", "lost"],
)
def test_a_broken_description_of_users_is_fine(
    crew: App, faulty: FaultyScim, fault: object
) -> None:
    describe(faulty, patch=False)
    faulty.on("GET", fault, about="/Schemas")  # type: ignore[arg-type]
    assert apps_setup.check_connection(crew)[0]
    assert "attributes" not in learned(crew)


# ------------------------------------------------------------------------------------- the page


def test_the_page_says_what_was_learned_and_forgets_it(
    crew: App, ann: User, faulty: FaultyScim, push: Push, admin_client: Client
) -> None:
    page = visit(admin_client, "provisioning_app_change", crew.pk)
    assert "What this application can do" not in page.text
    push()
    faulty.on("PATCH", NO_PATCH)
    rename(ann, "Anna")
    push()
    page = visit(admin_client, "provisioning_app_change", crew.pk)
    assert "What this application can do" in page.text
    assert "A change is sent with everything that the account holds (PUT)." in page.text
    assert "It answered 501 to PATCH: “No PATCH <b>here</b>.”" in page.text
    assert "<b>here</b>" not in page.html
    page = page.send(button="_forget_learned")
    assert "What Crew can do is found out anew." in page.text
    assert "It answered 501 to PATCH" not in page.text
    assert learned(crew) == {}


def test_a_test_of_the_connection_begins_anew(
    crew: App, faulty: FaultyScim, admin_client: Client
) -> None:
    connections.remember(crew, [Lesson("update", "put", "It answered 501 to PATCH.")])
    describe(faulty, filter=False)
    page = visit(admin_client, "provisioning_app_change", crew.pk)
    assert "It answered 501 to PATCH." in page.text
    apps_setup.check_connection(crew)
    assert set(learned(crew)) == {
        *("search.userName", "search.externalId"),
        *("group_search.displayName", "group_search.externalId"),
    }
    page = page.send(button="_save_and_test")
    assert "It says of itself that it does not take searches by filter." in page.text
    assert "It answered 501 to PATCH." not in page.text
