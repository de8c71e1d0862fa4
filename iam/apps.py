"""Registers the people's half of Gatehouse with Django."""

from django.apps import AppConfig


class IamConfig(AppConfig):
    name = "iam"
    verbose_name = "People"
    default_auto_field = "django.db.models.BigAutoField"
