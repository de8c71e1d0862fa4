"""Programs with the rights of an operator."""

import pytest

from iam.models import Operator
from tests.provisioning.api import Program, program


@pytest.fixture
def chief(db: None) -> Operator:
    return Operator.objects.create_user("chief", is_staff=True, is_superuser=True)


@pytest.fixture
def api(chief: Operator) -> Program:
    """May do everything."""
    return program(chief)
