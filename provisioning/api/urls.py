"""The addresses under /api/v1/. Whatever is not here is answered by `Nowhere`."""

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from provisioning.api import people
from provisioning.api.views import Nowhere

router = SimpleRouter()
router.register("users", people.Users, "api-users")
router.register("groups", people.Groups, "api-groups")
router.register("memberships", people.Memberships, "api-memberships")
router.register("nestings", people.Nestings, "api-nestings")

urlpatterns = [*router.urls, re_path(r"^.*$", Nowhere.as_view(), name="api-nowhere")]
