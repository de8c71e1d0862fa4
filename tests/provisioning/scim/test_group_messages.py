"""What is sent about groups, and what is read of their members."""

from typing import Any

import pytest

from provisioning.scim import group_messages, patching
from provisioning.scim.dialect import Members
from provisioning.scim.messages import Change

SALES: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    "id": "7",
    "meta": {"location": "/Groups/7"},
    "displayName": "Sales",
    "externalId": "ours",
    "Members": [{"value": "a", "display": "Ann", "$ref": None}, {"value": "b"}],
    "urn:acme:Group": {"alias": "s"},
}


@pytest.mark.parametrize("form", [Members.CHOSEN, Members.LIST, Members.NAMED_LIST])
def test_every_form_of_a_removal_takes_out_those_who_are_named(form: Members) -> None:
    left = patching.applied(SALES, group_messages.removing(form, ["a", "x"]))
    assert group_messages.members(left) == {"b"}


@pytest.mark.parametrize("form", [Members.LIST, Members.PATHLESS])
def test_every_form_of_an_addition_leaves_the_others(form: Members) -> None:
    left = patching.applied(SALES, group_messages.adding(form, ["b", "c"]))
    assert group_messages.members(left) == {"a", "b", "c"}


def test_a_group_as_a_whole_keeps_what_is_not_changed() -> None:
    renamed = [Change("displayName", "Sales", "Sellers")]
    body = group_messages.whole(SALES, renamed, adding=["c", "b"], removing=["a"])
    assert body == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Sellers",
        "externalId": "ours",
        "Members": [{"value": "b"}, {"value": "c"}],
        "urn:acme:Group": {"alias": "s"},
    }
    assert group_messages.members(SALES) == {"a", "b"}


@pytest.mark.parametrize(
    ("shown", "members"),
    [
        ([], frozenset()),
        (None, None),
        ("a", None),
        ({"value": "a"}, None),
        ([None, "a", {}, {"value": None}, {"value": 5}, {"VALUE": "b"}], {"5", "b"}),
        ([{"value": "g", "type": "Group"}, {"value": "u", "type": "User"}], {"u"}),
    ],
)
def test_who_is_in_a_group_is_read_of_odd_answers(shown: Any, members: Any) -> None:
    assert group_messages.members({"members": shown}) == members


@pytest.mark.parametrize("document", [None, [], "x", 5, {}])
def test_what_is_no_group_shows_nobody(document: Any) -> None:
    assert group_messages.members(document) is None
    assert group_messages.says_shown(document) is False


@pytest.mark.parametrize(
    ("returned", "shown"), [("always", True), ("default", True), ("request", False), (None, False)]
)
def test_a_description_says_whether_members_are_shown(returned: Any, shown: bool) -> None:
    attributes = [None, {"name": "displayName", "returned": "never"}]
    told = {"attributes": [*attributes, {"name": "Members", "returned": returned}]}
    assert group_messages.says_shown(told) is shown
