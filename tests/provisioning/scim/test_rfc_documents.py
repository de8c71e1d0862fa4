"""The 49 documents that RFC 7643 and 7644 show, each understood as the RFC means it."""

import copy
from typing import Any

import pytest
from scim2_models import EnterpriseUser, Group, PatchOp, ScimPolicy, User

from provisioning.scim import filters, matching, messages, patching, paths
from provisioning.scim.differences import difference
from provisioning.scim.schema import CORE_GROUP, CORE_USER
from tests.provisioning.scim import rfc

Document = dict[str, Any]

TOLERANT = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)


def of_kind(word: str) -> list[str]:
    return [name for name in rfc.DOCUMENTS if word in name]


def resources() -> dict[str, Document]:
    """Every user and every group, those inside of lists and bulk requests too."""
    found: dict[str, Document] = {}

    def look(name: str, value: Any) -> None:
        if isinstance(value, dict) and {CORE_USER, CORE_GROUP} & set(value.get("schemas", [])):
            found[name] = value
            return
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            if isinstance(each, dict | list):
                look(f"{name}/{key}", each)

    for name, document in rfc.DOCUMENTS.items():
        look(name, document)
    return found


RESOURCES = resources()


def test_there_are_as_many_documents_as_the_rfc_shows() -> None:
    assert len(rfc.DOCUMENTS) == 49
    assert len(RESOURCES) == 21


@pytest.mark.parametrize("name", RESOURCES)
def test_every_name_of_a_user_or_group_leads_to_its_value(name: str) -> None:
    document = RESOURCES[name]
    for key, value in document.items():
        if ":" not in key:
            assert paths.get(document, paths.parse(key.upper())) == value
            continue
        for part, inner in value.items():
            assert paths.get(document, paths.parse(f"{key}:{part}")) == inner
            assert matching.matches(filters.parse(f"{key}:{part} pr"), document)


@pytest.mark.parametrize("name", [name for name in RESOURCES if "id" in RESOURCES[name]])
def test_a_user_or_group_is_found_by_its_id_and_by_its_name(name: str) -> None:
    document = RESOURCES[name]
    for key in ("id", "userName", "displayName"):
        if key in document:
            assert matching.matches(filters.parse(messages.equals(key, document[key])), document)
    others = filters.parse(f"not ({messages.equals('id', document['id'])})")
    assert not matching.matches(others, document)


def bare(document: Document) -> Document:
    keys = ("schemas", "id", "userName", "displayName")
    return {key: document[key] for key in keys if key in document}


@pytest.mark.parametrize("name", RESOURCES)
def test_a_user_or_group_is_built_from_nothing_but_its_name(name: str) -> None:
    document = RESOURCES[name]
    kind: Any = User[EnterpriseUser] if CORE_USER in document["schemas"] else Group
    built = patching.applied(bare(document), difference(bare(document), document))
    sent = {key: value for key, value in document.items() if key not in {"meta", "groups"}}
    valid = kind.model_validate(built, scim_policy=TOLERANT)
    assert valid.model_dump() == kind.model_validate(sent, scim_policy=TOLERANT).model_dump()


# The one that is added there again is a second member for the other library.
AGAIN = "7644-3.5.2.1-patch_op-add_members"


@pytest.mark.parametrize("name", [name for name in of_kind("patch_op") if name != AGAIN])
def test_an_independent_library_makes_the_same_of_every_patch(name: str) -> None:
    patch = rfc.DOCUMENTS[name]
    is_group = "member" in name
    kind: Any = Group if is_group else User[EnterpriseUser]
    document = copy.deepcopy(rfc.GROUP if is_group else rfc.ENTERPRISE_USER)
    if "replace_user_work_address" in name:
        # RFC 7643 8.7.1 gives an address no `primary`, and this example one.
        patch = copy.deepcopy(patch)
        del patch["Operations"][0]["value"]["primary"]
    theirs = kind.model_validate(document, scim_policy=TOLERANT)
    PatchOp[kind].model_validate(patch, scim_policy=TOLERANT).patch(theirs, scim_policy=TOLERANT)
    ours = kind.model_validate(patching.applied(document, patch), scim_policy=TOLERANT)
    assert ours.model_dump() == theirs.model_dump()


GROUP_IDS = [member["value"] for member in rfc.GROUP["members"]]


@pytest.mark.parametrize(
    ("name", "members"),
    [
        (AGAIN, GROUP_IDS),
        ("7644-3.5.2.2-patch_op-remove_all_members", []),
        # The RFC shortens these ids, so nobody has them.
        ("7644-3.5.2.2-patch_op-remove_one_member", GROUP_IDS),
        (
            "7644-3.5.2.2-patch_op-remove_and_add_one_member",
            [*GROUP_IDS, "08e1d05d...473d93df9210"],
        ),
        (
            "7644-3.5.2.3-patch_op-replace_all_members",
            [GROUP_IDS[0], "08e1d05d-121c-4561-8b96-473d93df9210"],
        ),
    ],
)
def test_every_patch_of_members_leaves_whom_it_should(name: str, members: list[str]) -> None:
    after = patching.applied(rfc.GROUP, rfc.DOCUMENTS[name])
    assert [member["value"] for member in after.get("members", [])] == members


def test_every_patch_of_a_user_does_what_the_text_says() -> None:
    def after(name: str) -> Document:
        return patching.applied(rfc.USER, rfc.DOCUMENTS[f"7644-3.5.2.{name}"])

    added = after("1-patch_op-add_emails")
    assert added["nickName"] == "Babs"
    assert [mail["value"] for mail in added["emails"]] == ["bjensen@example.com", "babs@jensen.org"]
    assert after("2-patch_op-remove_multi_complex_value")["emails"] == [rfc.USER["emails"][1]]
    replaced = after("3-patch_op-replace_all_email_values")
    assert [mail["type"] for mail in replaced["emails"]] == ["work", "home"]
    home = rfc.USER["addresses"][1]
    work = after("3-patch_op-replace_user_work_address")["addresses"]
    assert [work[0]["streetAddress"], work[1]] == ["911 Universal City Plaza", home]
    street = after("3-patch_op-replace_street_address")["addresses"]
    assert street == [{**rfc.USER["addresses"][0], "streetAddress": "1010 Broadway Ave"}, home]


def test_the_search_of_the_rfc_finds_its_answer() -> None:
    wanted = filters.parse(rfc.DOCUMENTS["7644-3.4.3-search_request"]["filter"])
    answer = rfc.DOCUMENTS["7644-3.4.3-list_response-post_query"]
    james, family = answer["Resources"]
    assert [matching.matches(wanted, found) for found in (james, family)] == [True, True]
    assert not matching.matches(wanted, rfc.USER)


def errors() -> dict[str, Document]:
    """Every error, those of bulk operations too."""
    found = {name: rfc.DOCUMENTS[name] for name in of_kind("-error-") if "bulk" not in name}
    for name in of_kind("bulk_response"):
        for number, operation in enumerate(rfc.DOCUMENTS[name]["Operations"]):
            if "response" in operation:
                found[f"{name}/{number}"] = operation["response"]
    return found


@pytest.mark.parametrize("name", errors())
def test_the_words_and_the_reason_of_every_error_are_found(name: str) -> None:
    error = errors()[name]
    assert messages.error_detail(error) == " ".join(error["detail"].split())
    assert messages.scim_type(error) == error.get("scimType", "")


@pytest.mark.parametrize(
    "name",
    [*of_kind("schema-"), *of_kind("-resource_type"), "7643-8.5-service_provider_configuration"],
)
def test_what_a_service_says_of_itself_can_be_searched(name: str) -> None:
    document = rfc.DOCUMENTS[name]
    for found in document.get("Resources", [document]):
        for key, value in found.items():
            if key != "schemas" and isinstance(value, str):
                assert matching.matches(filters.parse(messages.equals(key, value)), found)
            assert matching.matches(filters.parse(f"{key} pr"), found) is (value not in ([], ""))
