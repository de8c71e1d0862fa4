"""What no key can be is refused at the field in which something is looked for and chosen."""

import pytest
from django.test import Client

from iam.models import Group, Membership, User
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim

NO_KEYS = ["abc", "1 or 1=1", "9" * 30]


@pytest.mark.parametrize("sent", NO_KEYS[1:])
def test_a_group_or_a_person_that_cannot_be_is_refused(
    admin_client: Client, ann: User, sales: Group, sent: str
) -> None:
    """bad-input-110"""
    for page in (
        visit(admin_client, "iam_user_change", ann.pk).send(manager=sent),
        visit(admin_client, "iam_user_change", ann.pk).send_rows({"group": sent}),
        visit(admin_client, "iam_group_change", sales.pk).send_rows({"user": sent}),
    ):
        assert page.status == 200
        assert "Select a valid choice." in page.text
    assert visit(admin_client, "iam_user_add", manager=sent).status == 200
    assert Membership.objects.count() == 1


def test_groups_to_push_that_cannot_be_are_refused(
    admin_client: Client, make_app: MakeApp, faulty: FaultyScim
) -> None:
    """bad-input-110"""
    page = visit(admin_client, "provisioning_app_change", make_app(faulty).pk)
    for sent in NO_KEYS:
        answer = page.send(groups_to_push="chosen", chosen_groups=sent)
        assert list(answer.errors) == ["chosen_groups"]
