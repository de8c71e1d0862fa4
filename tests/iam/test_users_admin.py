"""People are added, changed, found and deleted on their pages, and wrong input is explained."""

from collections.abc import Callable

import pytest
from django.test import Client

from iam.models import Group, ProfileAttribute, User
from provisioning.models import App
from provisioning.plan import Feature
from tests.conftest import MakeApp, person
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim

CUSTOM = "custom_custom_attribute_1"


@pytest.fixture
def adding(admin_client: Client) -> Page:
    return visit(admin_client, "iam_user_add")


def listed(client: Client, query: str) -> set[str]:
    page = visit(client, "iam_user_changelist", q=query)
    return {user.username for user in page.context["cl"].result_list}


# -------------------------------------------------------------------------------- add, change


def test_a_person_is_added_with_everything_that_was_typed(adding: Page, bob: User) -> None:
    page = adding.send(
        username="ann@example.org",
        first_name="Ann",
        last_name="Ash",
        email="ann@example.org",
        department="R&D <1>",
        manager=str(bob.pk),
        **{CUSTOM: "Acme"},
    )
    assert "was added successfully" in page.text
    ann = User.objects.get(username="ann@example.org")
    assert (ann.full_name, ann.department, ann.manager) == ("Ann Ash", "R&D <1>", bob)
    assert ann.custom == {"custom_attribute_1": "Acme"}
    assert ann.is_active


def test_a_change_of_one_field_keeps_all_the_others(admin_client: Client, ann: User) -> None:
    visit(admin_client, "iam_user_change", ann.pk).send(last_name="Oak")
    after = User.objects.get(pk=ann.pk)
    assert (after.last_name, after.first_name) == ("Oak", "Ann")
    assert after.custom == {"custom_attribute_1": "Acme"}
    assert after.external_id == ann.external_id


def test_a_custom_attribute_is_shown_changed_and_emptied(admin_client: Client, ann: User) -> None:
    for shown, typed in (("Acme", "Oak Ltd"), ("Oak Ltd", "")):
        page = visit(admin_client, "iam_user_change", ann.pk)
        assert page.form[CUSTOM] == shown
        page.send(**{CUSTOM: typed})
    assert User.objects.get(pk=ann.pk).custom == {}


def test_what_an_attribute_held_that_is_not_defined_any_more_is_kept(
    admin_client: Client, ann: User
) -> None:
    ProfileAttribute.objects.all().delete()
    page = visit(admin_client, "iam_user_change", ann.pk)
    assert CUSTOM not in page.form
    page.send(last_name="Oak")
    assert User.objects.get(pk=ann.pk).custom == {"custom_attribute_1": "Acme"}


def test_a_person_is_switched_off(admin_client: Client, ann: User) -> None:
    visit(admin_client, "iam_user_change", ann.pk).send(is_active=None)
    assert not User.objects.get(pk=ann.pk).is_active
    assert "Switched off" in visit(admin_client, "iam_user_changelist").text


def test_markup_in_a_name_is_shown_as_text(admin_client: Client, mallory: User) -> None:
    for view, *args in (
        ("iam_user_changelist",),
        ("iam_user_change", mallory.pk),
        ("iam_user_delete", mallory.pk),
        ("iam_user_history", mallory.pk),
    ):
        page = visit(admin_client, view, *args)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.html
        assert "<script>alert(1)" not in page.html


# ------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("held", "typed"),
    [
        ("ann@example.org", "ANN@Example.ORG"),
        ("zo\u00eb@example.org", "zoe\u0308@example.org"),
        ("zoe\u0308@example.org", "ZO\u00cb@example.org"),
        ("straße", "STRASSE"),
        ("ÄÖ", "äö"),
        ("ann", "  ann  "),
    ],
)
def test_a_user_name_that_somebody_has_is_refused_and_names_them(
    adding: Page, held: str, typed: str
) -> None:
    """bad-input-81, bad-input-82 and bad-input-83"""
    User.objects.create(username=held)
    page = adding.send(username=typed)
    assert f"Someone already has the user name “{held}”." in page.text
    assert User.objects.count() == 1


def test_a_person_may_change_the_case_of_their_own_user_name(
    admin_client: Client, ann: User
) -> None:
    visit(admin_client, "iam_user_change", ann.pk).send(username="Ann@example.org")
    assert User.objects.get(pk=ann.pk).username == "Ann@example.org"


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("username", "an\u200bn", "Character 3 cannot be seen (U+200B)"),
        ("username", "ann\u202egro.elpmaxe", "Character 4 cannot be seen (U+202E)"),
        ("username", "an\x07n", "Character 3 cannot be seen (U+0007)"),
        ("username", "an\tn", "Character 3 cannot be seen (U+0009)"),
        ("username", "", "This field is required."),
        ("username", "   ", "This field is required."),
        ("username", "x" * 65_536, "at most 150 characters"),
        ("first_name", "An\x1bn", "Character 3 cannot be seen (U+001B)"),
        ("first_name", "x" * 65_536, "at most 150 characters"),
        ("email", "not an address", "Enter a valid email address."),
        ("email", "a@b@example.org", "Enter a valid email address."),
        ("email", f"{'x' * 300}@example.org", "at most 254 characters"),
        (CUSTOM, "x" * 65_536, "at most 1000 characters"),
        (CUSTOM, "Ac\x08me", "Character 3 cannot be seen (U+0008)"),
    ],
)
def test_wrong_input_is_refused_at_its_field(
    adding: Page, field: str, typed: str, said: str
) -> None:
    """bad-input-80, bad-input-84 and bad-input-86"""
    page = adding.send(**{"username": "ann", "last_name": "Ash", field: typed})
    assert said in page.errors[field][0]
    assert said in page.text
    assert page.form["last_name"] == "Ash"
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["username", "first_name", "email"])
def test_blanks_around_what_was_typed_are_left_out(adding: Page, field: str) -> None:
    """bad-input-83"""
    adding.send(**{"username": "ann", field: " \u00a0ann@example.org\u00a0 "})
    assert getattr(User.objects.get(), field) == "ann@example.org"


@pytest.mark.parametrize("value", ["{{7*7}}", "${jndi:x}", "%s%n", "=1+1", "안녕 👋", "e\u0301"])
def test_text_that_only_looks_dangerous_is_kept_as_it_is(adding: Page, value: str) -> None:
    adding.send(username="ann", title=value, **{CUSTOM: value})
    ann = User.objects.get()
    assert (ann.title, ann.custom["custom_attribute_1"]) == (value, value)


def test_nobody_is_their_own_manager(admin_client: Client, ann: User) -> None:
    """bad-input-93"""
    page = visit(admin_client, "iam_user_change", ann.pk).send(manager=str(ann.pk))
    assert "Nobody can be their own manager." in page.text
    assert User.objects.get(pk=ann.pk).manager is None


# ------------------------------------------------------------------------------------ search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ann", {"ann@example.org"}),
        ("ANN@", {"ann@example.org"}),
        ("ash", {"ann@example.org"}),
        ("Birch", {"bob@example.org"}),
        ("nn@", set()),
        ("", {"ann@example.org", "bob@example.org", "zo\u00eb@example.org"}),
        ("ZOE\u0308", {"zo\u00eb@example.org"}),
        ("Öz", {"zo\u00eb@example.org"}),
        ("'; --", set()),
        ("%", set()),
        ("x" * 60_000, set()),
    ],
)
def test_people_are_found_by_the_beginning_of_a_name(
    admin_client: Client, ann: User, bob: User, query: str, found: set[str]
) -> None:
    User.objects.create(username="zo\u00eb@example.org", last_name="Öz")
    assert listed(admin_client, query) == found


def test_a_person_in_two_groups_is_listed_once_with_both_counted(
    admin_client: Client, ann: User
) -> None:
    Group.objects.create(name="Support").users.add(ann)
    (row,) = visit(admin_client, "iam_user_changelist").context["cl"].result_list
    assert row.groups_held == 2


# ------------------------------------------------------------------------------------ delete


@pytest.fixture
def two_apps(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Callable[[], None]
) -> list[App]:
    """Ann has an account in both; one deletes at once, one deactivates."""
    features = (Feature.CREATE_USERS, Feature.DEACTIVATE_USERS, Feature.DELETE_USERS)
    apps = [
        make_app(faulty, name="Chat", group=sales, features=features, delete_after_days=0),
        make_app(faulty, name="Zoom", group=sales),
    ]
    faulty.unique = False
    push()
    return apps


def test_deleting_a_person_says_first_what_happens_in_each_application(
    admin_client: Client, ann: User, two_apps: list[App]
) -> None:
    page = visit(admin_client, "iam_user_delete", ann.pk)
    assert "1 account will be deleted in Chat." in page.text
    assert "1 account will be deactivated in Zoom." in page.text
    page.send()
    assert not User.objects.exists()


def test_deleting_many_people_says_first_what_happens(
    admin_client: Client, ann: User, bob: User, two_apps: list[App]
) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [ann.pk, bob.pk]}
    response = admin_client.post("/admin/iam/user/", chosen)
    assert b"1 account will be deactivated in Zoom." in response.content
    assert User.objects.count() == 2


def test_who_has_no_account_is_deleted_without_a_warning(admin_client: Client, bob: User) -> None:
    page = visit(admin_client, "iam_user_delete", person("carol").pk)
    assert "Nobody loses an account by this." in page.text
