"""The custom attribute that the Zoom guide's mapping uses; administrators may rename it."""

from typing import Any

from django.db import migrations


def add(apps: Any, schema_editor: Any) -> None:
    apps.get_model("iam", "ProfileAttribute").objects.create(
        key="custom_attribute_1",
        label="Custom Attribute 1",
        help_text="Rename it under Profile attributes to what it means to you.",
        position=1,
    )


class Migration(migrations.Migration):
    dependencies = [("iam", "0001_initial")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
