"""manage.py demo: watch the whole way, from an empty portal to accounts in an application."""

import os
import shutil
import sys
import tempfile
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from iam import operators
from iam.models import Group, User
from provisioning import apps_setup, serving
from provisioning.demo import scenario, standin
from provisioning.demo.comparison import Row, compare
from provisioning.demo.standin import StandIn
from provisioning.management import answering
from provisioning.management.answering import DONE
from provisioning.models import App

_MARK = "GATEHOUSE_DEMO_FOLDER"
_GIVE_UP_AFTER = 60.0
# Said aloud, because settings.py fills in from the file .env whatever the environment leaves out:
# the demonstration must not reach the portal's real database, and must answer on this machine.
_OWN = {"GATEHOUSE_HTTPS": "off", "GATEHOUSE_ALLOWED_HOSTS": "localhost,127.0.0.1"}


class Command(answering.Command):
    help = (
        "Carry out the Zoom guide against an independent SCIM server, in a folder of its own, "
        "compare the result with the policy, and keep serving. With --once it ends with 0 if they "
        "agree, and with 1 if not."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--once",
            action="store_true",
            help="do not serve; exit with 0 only if the target holds what the policy says",
        )
        parser.add_argument("--port", type=answering.port, default=8000, help="port of the portal")

    def answer(self, options: dict[str, Any]) -> int:
        if _MARK not in os.environ:
            _start_again_in_own_folder()
        try:
            self._run(once=options["once"], port=options["port"])
        except standin.NotStarted as error:
            raise CommandError(str(error)) from error
        finally:
            shutil.rmtree(os.environ[_MARK], ignore_errors=True)
        return DONE

    def _run(self, *, once: bool, port: int) -> None:
        call_command("migrate", verbosity=0)
        with standin.running() as target:
            with serving.background_worker():
                self._carry_out(target)
            wrong = self._show(compare(target.users()))
            if once and wrong:
                raise CommandError(f"{wrong} accounts differ from what the policy says.")
            if not once:
                self._serve(serving.free_port(port))

    def _carry_out(self, target: StandIn) -> None:
        self._step("Stand-in for Zoom", f"scim2-server answers at {target.base_url}")
        app = scenario.add_app(target.base_url)
        worked, sentence = apps_setup.check_connection(app)
        if not worked:
            raise CommandError(sentence)
        self._step("Apps > Zoom", sentence)
        self._step("Attribute mapping", f"{app.mappings.of_people().count()} rows, as in the guide")
        self._step("Provisioning features", ", ".join(app.features).replace("_", " "))
        group = scenario.add_group_and_policy(app)
        self._step("Groups and policies", f"group “{group}” gets {app}")
        people = scenario.add_people()
        self._nothing_yet(target, people)
        self._assign(app, group, people)
        self._change(group, people)

    def _nothing_yet(self, target: StandIn, people: list[User]) -> None:
        held = len(target.users())
        if held:
            raise CommandError(f"{held} accounts exist although nobody is in the group yet.")
        self._step("Users", f"{len(people)} people added; no group yet, so nothing was sent")

    def _assign(self, app: App, group: Group, people: list[User]) -> None:
        began = time.monotonic()
        group.users.add(*people)
        self._until_done(len(people), f"Accounts in {app}")
        taken = time.monotonic() - began
        self._step("People put into the group", f"{len(people)} accounts after {taken:.1f} s")

    def _change(self, group: Group, people: list[User]) -> None:
        leaver, renamed = people[0], people[1]
        group.users.remove(leaver)
        scenario.rename(renamed)
        self._until_done(2, "Changes")
        self._step("One leaver", f"{leaver.full_name} was taken out of the group")
        self._step("One rename", f"Bob Okafor is now {renamed.full_name}, {renamed.username}")

    def _until_done(self, total: int, what: str) -> None:
        give_up = time.monotonic() + _GIVE_UP_AFTER
        shown = sys.stdout.isatty() and not self.in_json
        with tqdm(total=total, desc=what, file=sys.stdout, disable=not shown) as bar:
            while (left := scenario.waiting()) and time.monotonic() < give_up:
                bar.update(total - left - bar.n if left <= total - bar.n else 0)
                time.sleep(0.05)
            bar.update(total - bar.n)
        if left:
            raise CommandError(f"{left} accounts still wait after {_GIVE_UP_AFTER:.0f} seconds.")

    def _step(self, title: str, text: str) -> None:
        if not self.in_json:
            # Not by `say`, to which the colour would be something that cannot be printed.
            self.stdout.write(f"  {self.style.SUCCESS('✓')} {title}: {text}")
        self.give({"step": title, "result": text})
        self.stdout.flush()

    def _show(self, rows: list[Row]) -> int:
        """Print the target beside the policy; how many rows differ."""
        wrong = sum(not row.agrees for row in rows)
        if self.in_json:
            for row in rows:
                self.give({"account": row.username, "there": row.is_there, "agrees": row.agrees})
            self.give({"accounts": len(rows), "differ": wrong})
            return wrong
        self.stdout.write("\nWhat the target holds, asked over HTTP, beside what the policy says:")
        for row in rows:
            mark = self.style.SUCCESS("same") if row.agrees else self.style.ERROR("DIFFERENT")
            self.stdout.write(f"  {row.username:<24} {_told(row.is_there):<44} {mark}")
            if not row.agrees:
                self.stdout.write(f"    the policy says: {_told(row.should_be)}")
        self.stdout.write(f"  {len(rows) - wrong} of {len(rows)} accounts agree.\n")
        return wrong

    def _serve(self, port: int) -> None:
        call_command("collectstatic", interactive=False, verbosity=0)
        password = operators.one_time_password("admin")
        self.say(f"Sign in as admin with the one-time password {password}")
        self.give({"operator": "admin", "one_time_password": password})
        call_command("serve", port=port, json=self.in_json, stdout=self.stdout)


def _told(held: dict[str, Any] | None) -> str:
    if held is None:
        return "no account"
    state = "active" if held["active"] else "deactivated"
    return f"{held['first']} {held['last']}, {held['organization']}, {state}"


def _start_again_in_own_folder() -> None:
    """Replace this process by one that knows only the demonstration's own, empty folder."""
    folder = tempfile.mkdtemp(prefix="gatehouse-demo-")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}
    environment |= {_MARK: folder, "GATEHOUSE_DATA_DIR": folder, **_OWN}
    environment["GATEHOUSE_DATABASE_URL"] = f"sqlite:///{folder}/gatehouse.sqlite3"
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
