"""Nobody here is held up for asking often."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _any_number_of_requests(settings: Any) -> None:
    """What another test asked in the same minute does not count."""
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
