"""People and groups as the manual of django-scim2 has them."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Team(AbstractSCIMGroupMixin):
    name = models.CharField(max_length=150, unique=True)


class Person(AbstractSCIMUserMixin, AbstractUser):
    # Many to many, and not many to one as in the manual: its adapters use `user_set` and `all()`.
    scim_groups = models.ManyToManyField(Team, related_name="user_set", blank=True)
