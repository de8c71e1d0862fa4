"""Operators get a role, and groups can be opened to the help desk."""

from typing import Any

from django.db import migrations, models


def switch_off_who_could_not_sign_in(apps: Any, schema_editor: Any) -> None:
    """“Active” alone says who may sign in from now on."""
    operators = apps.get_model("iam", "Operator").objects
    operators.filter(is_staff=False).update(is_staff=True, is_active=False)


class Migration(migrations.Migration):
    dependencies = [("iam", "0005_api")]

    operations = [
        migrations.AddField(
            model_name="group",
            name="open_to_help_desk",
            field=models.BooleanField(
                "open to the help desk",
                default=False,
                help_text="Operators of the help desk may put people into this group and take them "
                "out, and so give and end all that it gives by itself and by the groups that hold "
                "it.",
            ),
        ),
        migrations.AddField(
            model_name="operator",
            name="role",
            field=models.CharField(
                blank=True,
                choices=[
                    ("provisioning", "Provisioning administrator"),
                    ("help_desk", "Help desk"),
                    ("auditor", "Auditor"),
                ],
                max_length=20,
            ),
        ),
        migrations.RunPython(switch_off_who_could_not_sign_in, migrations.RunPython.noop),
    ]
