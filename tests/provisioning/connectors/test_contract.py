"""What every connector of the catalogue owes to the forms, the planner and the administrator."""

import re

import pytest

from iam import attributes
from provisioning import addresses
from provisioning.connectors import catalogue
from provisioning.connectors.base import Connector, Constant, Formula
from provisioning.errors import Misconfigured
from provisioning.expressions.grammar import parse
from provisioning.plan import Feature
from provisioning.scim.dialect import Deletion

Kind = type[Connector]
_SECRET = re.compile("token|secret|password|key")


@pytest.fixture(params=sorted(catalogue()))
def kind(request: pytest.FixtureRequest) -> Kind:
    return catalogue()[request.param]


def test_the_catalogue_finds_every_connector_by_itself() -> None:
    assert {"zoom", "scim"} <= set(catalogue())
    positions = [found.position for found in catalogue().values()]
    assert positions == sorted(positions)


def test_it_is_found_under_its_own_short_name(kind: Kind) -> None:
    assert re.fullmatch("[a-z][a-z0-9_]*", kind.slug)
    assert catalogue()[kind.slug] is kind


def test_it_can_be_told_from_the_others_in_the_choice(kind: Kind) -> None:
    assert kind.label
    assert kind.description.endswith(".")
    assert [other.label for other in catalogue().values()].count(kind.label) == 1


def test_every_setting_says_what_to_enter(kind: Kind) -> None:
    for setting in kind.settings:
        assert setting.label
        assert setting.help_text.endswith(".")
    keys = [setting.key for setting in kind.settings]
    assert len(keys) == len(set(keys))


def test_what_is_secret_is_marked_as_secret(kind: Kind) -> None:
    for setting in kind.settings:
        if _SECRET.search(setting.key) and not setting.is_url:
            assert setting.secret, f"{setting.key} would be stored and shown in clear"


def test_no_secret_has_a_default_or_a_choice(kind: Kind) -> None:
    for setting in kind.settings:
        assert not (setting.secret and (setting.default or setting.choices or setting.is_url))


def test_a_setting_is_asked_for_by_a_choice_that_exists(kind: Kind) -> None:
    settings = {setting.key: setting for setting in kind.settings}
    for setting in kind.settings:
        if setting.when is not None:
            key, value = setting.when
            assert value in dict(settings[key].choices)
            assert settings[key].when is None


def test_a_setting_depends_on_the_same_choice_wherever_it_does() -> None:
    # The page of an app has one rule for each field, whatever the kind.
    rules = {(s.key, s.when) for kind in catalogue().values() for s in kind.settings if s.when}
    assert len(rules) == len({key for key, _ in rules})


def test_a_default_is_one_that_the_form_accepts(kind: Kind) -> None:
    for setting in kind.settings:
        if setting.choices:
            assert setting.default in dict(setting.choices)
        elif setting.default:
            assert addresses.check_base_url(setting.default, internal=False) == setting.default


def test_the_first_mapping_is_in_the_form_in_which_rows_are_stored(kind: Kind) -> None:
    targets = [target for target, _ in kind.default_mappings]
    assert [kind.target(target) for target in targets] == targets
    assert len(targets) == len(set(targets))


def test_the_first_mapping_comes_from_attributes_that_people_have(kind: Kind) -> None:
    built_in = {attribute.key for attribute in attributes.BUILT_IN}
    # The one that every portal begins with.
    known = built_in | {"custom.custom_attribute_1", "login_method"}
    for _, source in kind.default_mappings:
        if isinstance(source, Formula):
            parse(source.text).refuse_unknown(attributes=known, groups=[])
        elif not isinstance(source, Constant):
            assert source in known


def test_accounts_are_found_by_what_it_needs_first(kind: Kind) -> None:
    assert kind.cannot_match(kind.required_targets[0]) == ""
    values = {kind.required_targets[0]: "ann", "other": None}
    assert kind.asked_by(values, ["other"]) == [kind.required_targets[0]]


def test_the_targets_it_suggests_are_accepted(kind: Kind) -> None:
    for target in kind.known_targets:
        assert kind.target(kind.target(target)) == kind.target(target)


def test_what_it_cannot_do_without_is_mapped_from_the_start(kind: Kind) -> None:
    mapped = {target for target, _ in kind.default_mappings}
    assert kind.required_targets
    assert set(kind.required_targets) <= mapped
    assert set(kind.required_targets) <= {kind.target(target) for target in kind.known_targets}


def test_groups_are_mapped_from_the_start_where_it_has_them(kind: Kind) -> None:
    if not {Feature.CREATE_GROUPS, Feature.UPDATE_GROUPS}.intersection(kind.features):
        return
    targets = [target for target, _ in kind.default_group_mappings]
    assert [kind.group_target(target) for target in kind.known_group_targets] == list(
        kind.known_group_targets
    )
    assert set(kind.required_group_targets) <= set(targets) <= set(kind.known_group_targets)
    assert kind.required_group_targets
    assert Feature.GROUP_MEMBERS in kind.features


def test_the_target_that_deactivating_changes_is_one_that_can_be_mapped(kind: Kind) -> None:
    if kind.active_target:
        assert kind.target(kind.active_target) == kind.active_target


@pytest.mark.parametrize("text", ["", "id", "emails[", "name..givenName", "a b", "x" * 501 + "["])
def test_a_target_that_is_none_is_refused_with_a_sentence(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=r"^\S+ \S+ \S+ .+"):
        kind.target(text)


def test_it_has_features_and_none_that_the_product_does_not_know(kind: Kind) -> None:
    assert kind.features
    assert set(kind.features) <= set(Feature)
    assert len(kind.features) == len(set(kind.features))


def test_what_a_feature_does_there_is_told_in_sentences(kind: Kind) -> None:
    assert set(kind.feature_notes) <= set(kind.features)
    assert all(note.endswith(".") for note in kind.feature_notes.values())


def test_deleting_is_not_offered_where_it_only_switches_off(kind: Kind) -> None:
    assert kind.dialect.delete == Deletion.REMOVES or Feature.DELETE_USERS not in kind.features


def test_what_may_stay_empty_has_no_default(kind: Kind) -> None:
    assert not [s.key for s in kind.settings if s.optional and (s.default or s.choices)]


def test_the_set_up_guide_says_what_to_do(kind: Kind) -> None:
    assert kind.steps
    for step in kind.steps:
        assert step.title
        assert step.text.endswith(".")
    assert "Save and test connection" in kind.steps[-1].text


def test_several_requests_may_be_on_their_way(kind: Kind) -> None:
    assert 1 <= kind.concurrency <= 16


@pytest.mark.parametrize("settings", ["none", "empty", "chosen"])
def test_it_can_be_made_and_closed_before_anything_is_filled_in(kind: Kind, settings: str) -> None:
    config = {
        "none": {},
        "empty": {setting.key: "" for setting in kind.settings},
        "chosen": {setting.key: setting.default for setting in kind.settings if setting.choices},
    }[settings]
    connector = kind("Zoom", config)
    with pytest.raises(Misconfigured, match="https://"):
        connector.check()
    connector.close()
    connector.close()
