"""The documents say everything they promise to, lead somewhere, and are true of the code."""

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from iam.models import Group, User
from provisioning import apps_setup, connectors, mapping, webhook_setup, webhook_signing
from provisioning.connectors.base import Connector
from provisioning.connectors.scim import Scim
from provisioning.expressions.evaluation import evaluate
from provisioning.expressions.functions import FUNCTIONS
from provisioning.expressions.grammar import parse
from provisioning.models import App, Event, Policy, Problem
from provisioning.plan import Feature
from provisioning.wording import FEATURE_HELP, FEATURE_LABELS
from tests.support.connectors import in_catalogue
from tests.support.faulty import FaultyScim
from tests.support.looks import account, happened
from tests.support.receiver import Receiver, recorded, webhook
from tests.support.servers import HttpServer, Reply, json_reply

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GUIDES = DOCS / "guides"
APPS = ("iam", "provisioning", "reports")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
CODE = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
COMMANDS = [path.stem for path in CODE if path.parent.name == "commands" and path.stem[0] != "_"]
KINDS = [
    kind
    for kind in connectors.catalogue().values()
    if kind.__module__.startswith("provisioning.connectors.")
]
Push = Callable[[], None]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table whose heading begins with this."""
    _, found, after = page.partition(f"| {heading} |")
    assert found, f"no table “{heading}”"
    table = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


# ------------------------------------------------------------------------- nothing is missing


def test_every_setting_and_no_other_is_in_the_settings_guide() -> None:
    read = set(re.findall(r'"(GATEHOUSE_\w+)"', text("iam/settings.py")))
    told = {cell[0].strip("`") for cell in rows(text("docs/guides/settings.md"), "Variable")}
    assert told == read


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_operating_guide(command: str) -> None:
    assert f"manage.py {command}`" in text("docs/guides/operating.md")


def test_every_command_of_the_operating_guide_exists() -> None:
    told = re.findall(r"manage\.py (\w[\w-]*)", text("docs/guides/operating.md"))
    assert set(told) - set(COMMANDS) == {"changepassword"}


def test_every_make_target_is_told_and_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", text("Makefile"), re.MULTILINE))
    told = {
        target for page in PAGES for target in re.findall(r"\bmake ([a-z-]+)`", page.read_text())
    }
    assert told == targets


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_every_connector_has_a_line_for_programmers_and_a_guide(kind: type[Connector]) -> None:
    told = rows(text("docs/guides/adding-a-connector.md"), "Slug")
    file = kind.__module__.replace(".", "/") + ".py"
    (guide,) = [
        cells[3] for cells in told if cells[:3] == [f"`{kind.slug}`", kind.label, f"`{file}`"]
    ]
    (page,) = re.findall(r"\(([\w-]+\.md)", guide)
    assert f"**{kind.label}**" in (GUIDES / page).read_text()


@pytest.mark.parametrize("feature", Feature)
def test_every_feature_is_explained_as_on_the_page(feature: Feature) -> None:
    told = {cells[0]: cells[1] for cells in rows(text("docs/guides/zoom.md"), "Feature")}
    assert told[f"**{FEATURE_LABELS[feature]}**"] == FEATURE_HELP[feature]


def test_the_zoom_guide_shows_the_mapping_that_an_app_begins_with() -> None:
    told = [cells[0].strip("`") for cells in rows(text("docs/guides/zoom.md"), "Attribute in Zoom")]
    mappings = connectors.catalogue()["zoom"].default_mappings
    assert told == [target for target, _ in mappings]


def functions() -> list[list[str]]:
    return rows(text("docs/guides/mapping.md"), "Function")


def test_every_function_of_a_formula_is_explained_as_on_the_page() -> None:
    told = [cells[:2] for cells in functions()]
    assert told == [[f"`{each.signature}`", each.does] for each in FUNCTIONS.values()]


@pytest.mark.parametrize("cells", functions(), ids=lambda cells: cells[0].split("(")[0].strip("`"))
def test_every_example_of_a_function_gives_what_the_page_says(cells: list[str]) -> None:
    bea = User(username="bea", email="bea@example.org")
    ann = User(
        username="ann",
        first_name="Ann",
        last_name="Müller",
        email="ann.mueller@example.org",
        phone="+44 20 7946 0018",
        department="Sales",
        manager=bea,
        custom={"start": "2026-11-25", "cost_center": "0042"},
    )
    person = mapping.Person(ann, groups=frozenset({"sales"}), login_method="external")
    _, _, example, result = cells
    assert cells[0].strip("`").partition("(")[0] + "(" in example
    found = evaluate(parse(example.strip("`")), person)
    assert (json.dumps(found) if isinstance(found, bool) else str(found)) == result


# ------------------------------------------------------------------------- nothing is invented


def sentences() -> str:
    """Every text of the code, with … for what is put into it."""
    found: list[str] = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", "") for part in node.values]
                found.append("".join(part if isinstance(part, str) else "…" for part in parts))
    return "\n".join(found)


def test_every_sentence_to_look_up_is_one_that_the_product_says() -> None:
    said = sentences()
    told = [cells[0] for cells in rows(text("docs/guides/zoom.md"), "You read")]
    assert len(told) > 20
    assert [each for each in told if each.replace("Zoom", "…") not in said] == []


def test_every_time_in_the_operating_guide_is_the_one_in_the_code() -> None:
    told = rows(text("docs/guides/operating.md"), "What | How long")
    assert told
    for _, time, where in told:
        module, _, attribute = where.strip("`").rpartition(".")
        value = getattr(importlib.import_module(module), attribute)
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        assert time == f"{seconds:g} seconds"


def test_the_layers_are_shown_as_they_are_held() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (held,) = [each["layers"] for each in contracts if each.get("containers") == ["provisioning"]]
    block = text("docs/ARCHITECTURE.md").split("from top to bottom:\n\n```\n")[1].split("```")[0]
    assert [line.split("  ")[0] for line in block.splitlines()] == held


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"\b(?:iam|provisioning|reports|tests|docs)/[\w./-]*[\w/]", page.read_text())
    # Pictures are links, which the next test looks at.
    files = [path for path in named if not path.endswith(".png")]
    assert [path for path in files if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_and_picture_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    assert [link for link in links if not _leads_somewhere(page, link)] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    there = (page.parent / path).resolve() if path else page
    if not there.exists() or not there.is_relative_to(ROOT):
        return False
    return not anchor or anchor in _anchors(there.read_text())


def _anchors(page: str) -> list[str]:
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_page_that_the_code_names_exists() -> None:
    files = [*CODE, ROOT / "pyproject.toml", ROOT / "Makefile"]
    named = {
        found
        for file in files
        for found in re.findall(r"docs/(?:decisions/\d{4}|guides/[\w-]+\.md)", file.read_text())
    }
    assert named
    assert [each for each in named if not list(ROOT.glob(f"{each}*"))] == []


# ---------------------------------------------------------------------------------- decisions


def test_the_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    assert len(DECISIONS) >= 8


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_a_date_and_its_four_parts(page: Path) -> None:
    told = page.read_text()
    assert told.startswith(f"# {page.name[:4]}: ")
    assert re.search(r"^Date: 20\d\d-\d\d-\d\d$", told, re.MULTILINE)
    assert re.findall(r"^## (.+)$", told, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Rejected alternatives",
    ]


# ------------------------------------------------------------ the examples of adding a connector


def example(wanted: str) -> Any:
    """The class that a block of the page defines."""
    page = text("docs/guides/adding-a-connector.md")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (source,) = [block for block in blocks if f"class {wanted}(" in block]
    scope: dict[str, Any] = {"__name__": f"example_{wanted}"}
    exec(compile(source, wanted, "exec"), scope)  # noqa: S102 - our own page
    return scope[wanted]


@pytest.fixture(scope="module")
def acme() -> type[Scim]:
    return example("Acme")


@pytest.fixture(scope="module")
def helpdesk() -> type[Connector]:
    return example("Helpdesk")


@pytest.fixture
def agents() -> Iterator["Agents"]:
    with Agents() as server:
        yield server


class Agents(HttpServer):
    """The Helpdesk of the page, with an id that must be escaped."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.base_url = self.url
        self.token = "a-key"
        self.held: dict[str, dict[str, Any]] = {}

    def only(self) -> dict[str, Any]:
        (agent,) = self.held.values()
        return agent

    def _serve(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("Authorization") != f"Bearer {self.token}":
            return json_reply({}, status=401)
        parts = urlsplit(path)
        if method == "GET":
            login = parse_qs(parts.query).get("login", [""])[0]
            return json_reply([agent for agent in self.held.values() if agent["login"] == login])
        content = json.loads(body) if body else {}
        if method == "POST":
            key = f"no. {len(self.held) + 1}?/&"
            self.held[key] = {**content, "id": key}
            return json_reply(self.held[key], status=201)
        key = unquote(parts.path.removeprefix("/agents/"))
        if key not in self.held:
            return json_reply({}, status=404)
        if method == "DELETE":
            del self.held[key]
            return Reply(204)
        self.held[key] |= content
        return json_reply(self.held[key])


def app_of(kind: type[Connector], server: FaultyScim | Agents, group: Group) -> App:
    app = apps_setup.create(
        App(name=kind.label, connector=kind.slug, internal=True, delete_after_days=0)
    )
    apps_setup.configure(
        app,
        settings={"base_url": server.base_url},
        secrets={"token": server.token},
        features=(Feature.CREATE_USERS, Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS),
    )
    app.save()
    Policy.objects.create(name=f"{app} for {group}", app=app, group=group)
    return app


def test_the_scim_example_runs(
    acme: type[Scim], faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    with in_catalogue(acme, acme.slug):
        app = app_of(acme, faulty, sales)
        assert apps_setup.check_connection(app)[0]
        push()
    (made,) = faulty.users()
    assert (made["userName"], made["displayName"]) == (ann.username, "Ann Ash")
    labels = {sent.headers["Content-Type"] for sent in faulty.requests if sent.body}
    assert labels == {"application/json"}


def test_the_scim_example_sends_nobody_without_the_address_that_it_needs(
    acme: type[Scim], faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    User.objects.update(email="")
    with in_catalogue(acme, acme.slug):
        app = app_of(acme, faulty, sales)
        push()
        assert account(app, ann).problem == Problem.REJECTED
    assert faulty.writes == []


def test_the_example_of_any_other_application_follows_a_person_to_the_end(
    helpdesk: type[Connector], agents: Agents, sales: Group, ann: User, push: Push
) -> None:
    with in_catalogue(helpdesk, helpdesk.slug):
        app = app_of(helpdesk, agents, sales)
        assert apps_setup.check_connection(app)[0]
        push()
        assert (agents.only()["name"], agents.only()["active"]) == ("Ann Ash", True)
        ann.last_name = "Ashdown"
        ann.save()
        push()
        assert agents.only()["name"] == "Ann Ashdown"
        sales.users.remove(ann)
        push()
        assert agents.only()["active"] is False
        sales.users.add(ann)
        push()
        assert agents.only()["active"] is True
        app.features = list(Feature)
        app.save()
        ann.delete()
        push()
        assert agents.held == {}
    done = ["create", "update", "deactivate", "reactivate", "delete"]
    assert happened(app) == [(operation, "done") for operation in done]


def test_the_example_of_any_other_application_adopts_who_is_there(
    helpdesk: type[Connector], agents: Agents, sales: Group, ann: User, push: Push
) -> None:
    agents.held["7"] = {"id": "7", "login": ann.username, "name": "Ann Ash", "active": True}
    with in_catalogue(helpdesk, helpdesk.slug):
        app = app_of(helpdesk, agents, sales)
        push()
        assert happened(app) == [("adopt", "done")]
        assert account(app, ann).remote_id == "7"


def test_the_example_of_any_other_application_says_that_the_key_is_wrong(
    helpdesk: type[Connector], agents: Agents, sales: Group
) -> None:
    with in_catalogue(helpdesk, helpdesk.slug):
        app = app_of(helpdesk, agents, sales)
        agents.token = "another-key"
        worked, sentence = apps_setup.check_connection(app)
    assert not worked
    assert sentence.startswith("Helpdesk did not accept the address or the key (error 401).")


def test_the_example_of_any_other_application_refuses_a_target_that_agents_lack(
    helpdesk: type[Connector],
) -> None:
    with pytest.raises(ValueError, match="Agents have no “email”. Use login, name, phone."):
        helpdesk.target("email")


# ---------------------------------------------------------------------- the example of webhooks


def test_the_webhook_example_takes_what_is_from_gatehouse_and_nothing_else(
    db: None, receiver: Receiver, push: Push
) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", text("docs/guides/webhooks.md"), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(source, "webhooks.md", "exec"), scope)  # noqa: S102 - our own page
    takes = scope["is_from_gatehouse"]
    hook = webhook(receiver)
    former = receiver.secret
    current = webhook_setup.new_secret(hook)
    (event,) = recorded("ann@example.org")
    push()
    (sent,) = receiver.requests
    assert takes(sent.headers, sent.body, secret=current)
    assert takes(sent.headers, sent.body, secret=former)
    assert not takes(sent.headers, sent.body + b" ", secret=current)
    assert not takes(sent.headers, sent.body, secret=webhook_signing.new_secret())
    long_ago = {**sent.headers, "webhook-timestamp": str(int(event.at.timestamp()) - 400)}
    assert not takes(long_ago, sent.body, secret=current)


def test_the_webhook_guide_shows_the_fields_that_are_sent() -> None:
    page = text("docs/guides/webhooks.md")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert list(json.loads(shown)["data"]) == list(Event.TOLD)
