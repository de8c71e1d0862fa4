"""Whatever is stored of an application is in the configuration, or left out for a reason."""

import pytest
from django.db.models import Model

from provisioning import connectors
from provisioning.configuration.shape import FIELDS, LEFT_OUT, MODELS, NAMES, ROW_FIELDS
from provisioning.configuration.stored import settings_of
from provisioning.models import Mapping

IN_FILE: dict[type[Model], set[str]] = {
    **{MODELS[section]: {NAMES[section], *fields} for section, fields in FIELDS.items()},
    Mapping: {name for fields in ROW_FIELDS.values() for name in fields},
}


@pytest.mark.parametrize("model", IN_FILE, ids=lambda model: model.__name__)
def test_every_field_is_in_the_file_or_left_out_for_a_reason(model: type[Model]) -> None:
    meta = model._meta
    there = {field.name for field in [*meta.concrete_fields, *meta.many_to_many]}
    left_out = LEFT_OUT[model]
    assert IN_FILE[model] | left_out.keys() == there
    assert IN_FILE[model] & left_out.keys() == set()
    assert all(reason.endswith(".") for reason in left_out.values())


def test_no_secret_setting_of_any_connector_is_in_a_file() -> None:
    for kind in connectors.catalogue().values():
        secret = {setting.key for setting in kind.settings if setting.secret}
        given = dict.fromkeys([setting.key for setting in kind.settings], "canary")
        assert settings_of(kind, given).keys() & secret == set()
