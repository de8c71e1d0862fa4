"""Of requests that come at the same moment one is done, and the others are told so."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iam.models import User
from tests.provisioning.api import Program
from tests.support.threads import parallel, shared_database


def at_once(ask: Callable[[], Any], times: int = 4) -> list[Any]:
    answers: list[Any] = []
    parallel(*[lambda: answers.append(ask())] * times)
    return answers


@pytest.mark.django_db(transaction=True)
def test_of_requests_that_come_at_once_one_is_done(api: Program, tmp_path: Path) -> None:
    with shared_database(tmp_path):
        # Under the same key, the others get the answer of the first.
        same = at_once(lambda: api.post("/users/", {"username": "ann"}, Idempotency_Key="a"))
        assert [answer.status_code for answer in same] == [201] * 4
        assert len({answer.json()["id"] for answer in same}) == 1
        # With the state that they saw, the others have not seen what the first one did.
        path = f"/users/{User.objects.get().pk}/"
        tag = api.get(path).headers["ETag"]
        titles = iter("abcd")
        late = at_once(lambda: api.patch(path, {"title": next(titles)}, If_Match=tag))
        assert Counter(answer.status_code for answer in late) == {200: 1, 412: 3}
        # With nothing of this, the name is taken, whether it was seen in time or not.
        taken = at_once(lambda: api.post("/users/", {"username": "bob"}))
        found = Counter(answer.status_code for answer in taken)
        assert found.pop(201) == 1 and set(found) <= {400, 409}
        assert User.objects.count() == 2
