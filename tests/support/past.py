"""Makes what was written a while ago; the database's own clock cannot be moved."""

from datetime import timedelta

from django.db.models import F

from iam.models import User
from provisioning.models import Account, App

_HOUR = timedelta(hours=1)


def let_an_hour_pass() -> None:
    """People and apps changed an hour ago, and the accounts were looked at half an hour later."""
    App.objects.update(changed_at=F("changed_at") - _HOUR)
    User.objects.update(changed_at=F("changed_at") - _HOUR)
    Account.objects.update(checked_at=F("checked_at") - _HOUR / 2)
