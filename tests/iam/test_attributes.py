"""What can be said about a person is one catalogue, and every entry of it can be read."""

import pytest

from iam import attributes
from iam.models import ProfileAttribute, User

KEYS = [attribute.key for attribute in attributes.BUILT_IN]


def test_the_custom_attributes_stand_in_the_order_that_they_were_given(db: None) -> None:
    ProfileAttribute.objects.create(key="cost_centre", label="Cost centre", position=9)
    found = [attribute.key for attribute in attributes.custom()]
    assert found == ["custom.custom_attribute_1", "custom.cost_centre"]


@pytest.mark.parametrize("key", KEYS)
def test_every_built_in_attribute_can_be_read(key: str) -> None:
    boss = User(username="boss@example.org")
    ann = User(username="ann@example.org", first_name="Ann", manager=boss)
    expected = {
        "username": "ann@example.org",
        "is_active": True,
        "first_name": "Ann",
        "full_name": "Ann",
        "manager": "boss@example.org",
    }
    assert attributes.value(ann, key) == expected.get(key)


@pytest.mark.parametrize(
    ("custom", "held"), [({"floor": "3"}, "3"), ({"floor": ""}, None), ({}, None)]
)
def test_a_custom_attribute_is_read_by_its_key(custom: dict[str, str], held: str | None) -> None:
    assert attributes.value(User(custom=custom), "custom.floor") == held


def test_a_person_who_is_switched_off_has_a_value_and_not_nothing() -> None:
    assert attributes.value(User(is_active=False), "is_active") is False


@pytest.mark.parametrize("key", ["password", "pk", "external_id", "__class__", "delete", ""])
def test_nothing_else_of_a_person_can_be_read(key: str) -> None:
    with pytest.raises(KeyError):
        attributes.value(User(), key)


def test_the_display_name_goes_before_first_and_last_name() -> None:
    ann = User(first_name="Ann", last_name="Ash")
    assert attributes.value(ann, "full_name") == "Ann Ash"
    ann.display_name = "Annie"
    assert attributes.value(ann, "full_name") == "Annie"
