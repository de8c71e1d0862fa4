"""The independent services, by the name that `--only` takes, in the order of the matrix."""

from tests.interop.targets.base import Target
from tests.interop.targets.django_scim2 import DJANGO_SCIM2
from tests.interop.targets.scim2_server import NEW, OLD
from tests.interop.targets.scimmy import SCIMMY

TARGETS: dict[str, Target] = {target.name: target for target in (*NEW, OLD, DJANGO_SCIM2, *SCIMMY)}
