"""A profile attribute that is defined once appears wherever people are described."""

import pytest
from django.test import Client

from iam.models import Group, ProfileAttribute, User
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim


@pytest.fixture
def floor(admin_client: Client) -> ProfileAttribute:
    page = visit(admin_client, "iam_profileattribute_add")
    page.send(label="Floor", key="floor", help_text="Where the desk is.", position="5")
    return ProfileAttribute.objects.get(key="floor")


def test_it_becomes_a_field_of_every_person(
    admin_client: Client, floor: ProfileAttribute, ann: User
) -> None:
    page = visit(admin_client, "iam_user_change", ann.pk)
    assert "Floor Where the desk is." in page.text
    page.send(custom_floor="3")
    assert User.objects.get().custom == {"custom_attribute_1": "Acme", "floor": "3"}


def test_it_can_be_chosen_in_an_applications_mapping(
    admin_client: Client, make_app: MakeApp, faulty: FaultyScim, floor: ProfileAttribute
) -> None:
    app = make_app(faulty)
    page = visit(admin_client, "provisioning_app_change", app.pk)
    assert '<option value="custom.floor"' in page.html
    page.send_rows({"target": "userType", "source": "custom.floor"})
    assert app.mappings.get(target="userType").source == "custom.floor"


def test_its_key_cannot_be_changed_but_its_name_can(
    admin_client: Client, floor: ProfileAttribute
) -> None:
    page = visit(admin_client, "iam_profileattribute_change", floor.pk)
    assert "key" not in page.form
    page.send(label="Storey", key="storey")
    floor.refresh_from_db()
    assert (floor.label, floor.key) == ("Storey", "floor")


@pytest.mark.parametrize(
    "key",
    ["Floor", "1floor", "_floor", "the floor", "the-floor", "étage", "a.b", "x" * 51, "", "a/../b"],
)
def test_a_wrong_key_is_refused(admin_client: Client, key: str) -> None:
    before = ProfileAttribute.objects.count()
    page = visit(admin_client, "iam_profileattribute_add").send(label="Floor", key=key)
    assert list(page.errors) == ["key"]
    assert page.form["label"] == "Floor"
    assert ProfileAttribute.objects.count() == before


def test_a_wrong_key_is_explained(admin_client: Client) -> None:
    page = visit(admin_client, "iam_profileattribute_add").send(label="Floor", key="Floor")
    assert "Use small letters, digits and _ only." in page.text


def test_there_are_no_more_than_a_page_can_send(
    admin_client: Client, floor: ProfileAttribute, ann: User
) -> None:
    """bad-input-85"""
    rows = [ProfileAttribute(key=f"k{n}", label=f"K{n}") for n in range(ProfileAttribute.MOST)]
    ProfileAttribute.objects.bulk_create(rows[ProfileAttribute.objects.count() :])
    page = visit(admin_client, "iam_profileattribute_add").send(label="More", key="more")
    assert "There are 200 profile attributes already" in page.text
    visit(admin_client, "iam_profileattribute_change", floor.pk).send(label="Storey")
    assert ProfileAttribute.objects.get(pk=floor.pk).label == "Storey"
    visit(admin_client, "iam_user_change", ann.pk).send(custom_k199="last")
    assert User.objects.get().custom["k199"] == "last"


def test_ten_thousand_attributes_of_one_person_are_refused(admin_client: Client, ann: User) -> None:
    """bad-input-85"""
    page = visit(admin_client, "iam_user_change", ann.pk)
    sent = {**page.form, **{f"custom_x{number}": "x" for number in range(10_000)}}
    assert admin_client.post(page.address, sent).status_code == 400
    # Few enough to be read, and defined by nobody.
    page.send(custom_x1="x", first_name="Anna")
    after = User.objects.get()
    assert (after.first_name, "x1" in after.custom) == ("Anna", False)


def test_a_key_is_used_once(admin_client: Client, floor: ProfileAttribute) -> None:
    page = visit(admin_client, "iam_profileattribute_add").send(label="Other", key="floor")
    assert "Profile attribute with this Key already exists." in page.text


@pytest.mark.parametrize("key", ["username", "is_active", "custom", "id"])
def test_a_key_named_like_a_built_in_attribute_disturbs_nothing(
    admin_client: Client, ann: User, key: str
) -> None:
    visit(admin_client, "iam_profileattribute_add").send(label="Odd", key=key)
    page = visit(admin_client, "iam_user_change", ann.pk)
    page.send(**{f"custom_{key}": "odd"})
    after = User.objects.get()
    assert (after.username, after.is_active) == ("ann@example.org", True)
    assert after.custom[key] == "odd"


def test_the_fields_stand_in_the_order_of_their_positions(
    admin_client: Client, floor: ProfileAttribute, sales: Group
) -> None:
    ProfileAttribute.objects.filter(key="custom_attribute_1").update(position=9)
    form = visit(admin_client, "iam_user_add").form
    custom = [name for name in form if name.startswith("custom_")]
    assert custom == ["custom_floor", "custom_custom_attribute_1"]


def test_a_label_is_shown_as_text(admin_client: Client) -> None:
    payload = "<img src=x onerror=alert(1)>"
    ProfileAttribute.objects.create(key="evil", label=payload, help_text=payload)
    for view in ("iam_profileattribute_changelist", "iam_user_add"):
        page = visit(admin_client, view)
        assert payload not in page.html
        assert payload in page.text
