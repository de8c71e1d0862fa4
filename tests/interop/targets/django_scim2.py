"""django-scim2, in the small project that its manual asks for."""

from collections.abc import Sequence
from pathlib import Path

from tests.interop import environments
from tests.interop.targets.base import TOKEN, Target


def _command(port: int, folder: Path) -> Sequence[str]:
    python = environments.python("django_scim2")
    project = environments.SERVERS / "django_scim2" / "project.py"
    return [str(python), str(project), str(port), TOKEN, str(folder)]


DJANGO_SCIM2 = Target(
    name="django-scim2",
    versions="django-scim2 0.23.0, Django 5.2.19",
    base_path="/scim/v2",
    command=_command,
    prepare=lambda: environments.python("django_scim2"),
)
