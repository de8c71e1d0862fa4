"""Programs with the rights of an operator."""

from typing import Any

import pytest

from iam.models import Operator
from tests.provisioning.api import Program, program


@pytest.fixture(autouse=True)
def _any_number_of_requests(settings: Any) -> None:
    """What another test asked in the same minute does not count."""
    settings.API_REQUESTS_PER_MINUTE = 1_000_000


@pytest.fixture
def chief(db: None) -> Operator:
    return Operator.objects.create_user("chief", is_staff=True, is_superuser=True)


@pytest.fixture
def api(chief: Operator) -> Program:
    """May do everything."""
    return program(chief)
