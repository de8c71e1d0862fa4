"""The addresses under /api/. Whatever is not here is answered by `Nowhere`."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from provisioning.api import (
    accounts,
    applications,
    configuration,
    pages,
    people,
    preview,
    webhooks,
)
from provisioning.api.views import Nowhere

router = SimpleRouter()
router.register("users", people.Users, "api-users")
router.register("profile-attributes", people.ProfileAttributes, "api-profile-attributes")
router.register("groups", people.Groups, "api-groups")
router.register("memberships", people.Memberships, "api-memberships")
router.register("nestings", people.Nestings, "api-nestings")
router.register("apps", applications.Apps, "api-apps")
router.register("mappings", applications.Mappings, "api-mappings")
router.register("policies", applications.Policies, "api-policies")
router.register("accounts", accounts.Accounts, "api-accounts")
router.register("holds", accounts.Holds, "api-holds")
router.register("runs", accounts.Runs, "api-runs")
router.register("findings", accounts.Findings, "api-findings")
router.register("pushed-groups", accounts.PushedGroups, "api-pushed-groups")
router.register("webhooks", webhooks.Webhooks, "api-webhooks")
router.register("deliveries", webhooks.Deliveries, "api-deliveries")

_v1 = [
    *router.urls,
    path("configuration/", configuration.Configuration.as_view(), name="api-configuration"),
    path(
        "configuration/plan/",
        configuration.ConfigurationPlan.as_view(),
        name="api-configuration-plan",
    ),
    path(
        "configuration/apply/",
        configuration.ConfigurationApply.as_view(),
        name="api-configuration-apply",
    ),
    path("", pages.Root.as_view(), name="api-root"),
    path("preview/", preview.Preview.as_view(), name="api-preview"),
    path("schema/", pages.Schema.as_view(), name="api-schema"),
    path("docs/", pages.docs, name="api-docs"),
]

urlpatterns = [
    path("v1/", include(_v1)),
    # But for the one that only lacks its last slash.
    re_path(r"^(?!v1$)[\s\S]*$", Nowhere.as_view(), name="api-nowhere"),
]
