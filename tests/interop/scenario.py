"""The scenario, the same for every service: what is done step by step, and the judging of each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from provisioning import apps_setup
from provisioning.models import Run
from tests.interop.journal import Journal
from tests.interop.judge import Difference, Mark, Sentence, Verdict, bind, judge
from tests.interop.plain import Service
from tests.interop.portal import Portal
from tests.interop.steps import Step
from tests.interop.world import (
    DEPARTMENT,
    EMPLOYEE,
    HOME_MAIL,
    ORGANIZATION,
    PHONE,
    WORK_MAIL,
    World,
    everybody,
)

# More than a page of a list, so that nobody of ours is on the first one.
STRANGERS = 105

# So many requests are plenty for one change, in whatever form, and beside the changes of a step.
_A_CHANGE, _A_STEP = 12, 40

# Every mapped attribute but the user name, which has a step of its own.
_CHANGED = {
    "name.givenName": "Anneliese",
    "name.familyName": "Lee-Ray",
    "displayName": "Anneliese Lee-Ray",
    "title": "Head of “Things” & more",
    WORK_MAIL: "anneliese@example.org",
    HOME_MAIL: "anneliese@home.example.net",
    PHONE: "+44 20 7946 0999",
    "locale": "de-AT",
    "timezone": "America/New_York",
    DEPARTMENT: "Sales",
    ORGANIZATION: "Américas",
    EMPLOYEE: "A-0001",
}
# The same for somebody else.
_OTHERWISE = {
    "name.givenName": "Bobby",
    "name.familyName": "Okafor-Lind",
    "displayName": "Bobby Okafor-Lind",
    "title": "Chef d'équipe",
    WORK_MAIL: "bobby@example.org",
    HOME_MAIL: "bobby@home.example.net",
    PHONE: "+44 20 7946 0998",
    "locale": "fr-CH",
    "timezone": "Asia/Tokyo",
    DEPARTMENT: "Legal",
    ORGANIZATION: "APAC",
    EMPLOYEE: "B-0002",
}

Told = list[Sentence]


@dataclass
class Scenario:
    """One run through all steps. `touched` has somebody as often as a step changes them."""

    service: Service
    journal: Journal
    world: World = field(default_factory=everybody)
    touched: list[str] = field(default_factory=list)
    known: set[Difference] = field(default_factory=set)

    def run(self) -> Iterator[tuple[str, Verdict]]:
        """Each step with what came of it; after an unexpected error no other follows."""
        self._add_strangers()
        self.portal = Portal(self.journal.base_url, self.world)
        for step in Step:
            try:
                yield step, self._judged(STEPS[step])
            except Exception as error:
                yield step, Verdict(Mark.FAIL, f"{type(error).__name__}: {error}")
                raise

    def give(self, key: str, values: Mapping[str, str]) -> None:
        """Save somebody with new values; "" takes one away."""
        person = self.world.people[key]
        person.values = {k: v for k, v in {**person.values, **values}.items() if v}
        self.portal.write(person)
        self.touched.append(key)

    def one_by_one(self, key: str, values: Mapping[str, str]) -> None:
        for path, value in values.items():
            self.give(key, {path: value})
            self.portal.settle()

    def _judged(self, step: "Callable[[Scenario], Told | None]") -> Verdict:
        self.touched, before = [], len(self.journal.entries)
        told = step(self) or []
        self.portal.settle()
        requests = len(self.journal.entries) - before
        said = self.portal.said()
        said.sentences = [*told, *said.sentences]
        there = self.service.users(person.username for person in self.world)
        groups = self.service.groups()
        bind(self.world, there, groups)
        # Who was refused may be tried again.
        changes = len([*self.touched, *{each.who for each in said.standing}])
        return judge(
            self.world,
            there,
            groups,
            said,
            touched=self.touched,
            requests=requests,
            most=_A_STEP + _A_CHANGE * changes if changes else 0,
            known=self.known,
        )

    def _add_strangers(self) -> None:
        for number in range(STRANGERS):
            self.service.add(f"stranger{number:03}@elsewhere.example", title="Made there")
        there = self.service.users()
        self.world.strangers = {key: held.document for key, held in there.items()}
        if len(there) != STRANGERS:
            raise RuntimeError(f"{STRANGERS} accounts were made there, and it lists {len(there)}")
        made = self.service.add_group("Elsewhere", list(there)[:3])
        self.world.strange_groups = {made.id: made}


def _connect(scenario: Scenario) -> Told:
    """“Save and test connection”."""
    scenario.touched = [""]
    worked, sentence = apps_setup.check_connection(scenario.portal.app)
    return [] if worked else [Sentence("", sentence)]


def _create(scenario: Scenario) -> None:
    """Twelve people get access at once."""
    for person in scenario.world:
        person.there = True
    scenario.touched = list(scenario.world.people)
    scenario.portal.join(scenario.world)


def _create_groups(scenario: Scenario) -> None:
    """Two groups are to be kept there as groups."""
    teams = [scenario.world.teams["sales"], scenario.world.teams["legal"]]
    for team in teams:
        team.there = True
        scenario.portal.push_group(team)
    scenario.touched = [team.who for team in teams]


def _change(scenario: Scenario) -> None:
    """Each mapped attribute by itself, and all at once."""
    scenario.one_by_one("ann", _CHANGED)
    scenario.give("bob+sales", _OTHERWISE)


def _clear(scenario: Scenario) -> None:
    """The same, to nothing."""
    scenario.one_by_one("ann", dict.fromkeys(_CHANGED, ""))
    scenario.give("bob+sales", dict.fromkeys(_CHANGED, ""))


def _fill_in_again(scenario: Scenario) -> None:
    scenario.give("ann", _CHANGED)
    scenario.one_by_one("bob+sales", _OTHERWISE)


def _rename(scenario: Scenario) -> None:
    """As after a marriage."""
    name = "carla.lind@example.org"
    new = {"userName": name, WORK_MAIL: name, "name.familyName": "Lind-Núñez"}
    scenario.give("carla", new)


def _second_mail_removed(scenario: Scenario) -> None:
    """The first one stays."""
    scenario.give("dai", {HOME_MAIL: ""})


def _member_added(scenario: Scenario) -> None:
    scenario.world.teams["sales"].members.add("grace.o'neill")
    scenario.portal.write_members(scenario.world.teams["sales"])
    scenario.touched = ["group sales"]


def _member_removed(scenario: Scenario) -> None:
    """All others stay."""
    scenario.world.teams["sales"].members.remove("bob+sales")
    scenario.portal.write_members(scenario.world.teams["sales"])
    scenario.touched = ["group sales"]


def _group_renamed(scenario: Scenario) -> None:
    """It stays the same group, with the same people."""
    scenario.world.teams["sales"].name = "Sales & “Márketing”"
    scenario.portal.rename_group(scenario.world.teams["sales"])
    scenario.touched = ["group sales"]


def _deactivate(scenario: Scenario) -> None:
    """One leaves, another is switched off; both were in a group."""
    people = scenario.world.people
    scenario.portal.leave(people["ebru"])
    scenario.portal.switch(people["femi"], on=False)
    people["ebru"].active = people["femi"].active = False
    scenario.touched = ["ebru", "femi", "group legal"]


def _reactivate(scenario: Scenario) -> None:
    """Both return, and one got another title meanwhile."""
    people = scenario.world.people
    scenario.give("femi", {"title": "Returner"})
    scenario.portal.join([people["ebru"]])
    scenario.portal.switch(people["femi"], on=True)
    people["ebru"].active = people["femi"].active = True
    scenario.touched += ["ebru", "femi", "group legal"]


def _delete(scenario: Scenario) -> None:
    """One leaves the group, another is removed from the portal."""
    people = scenario.world.people
    scenario.portal.delete_leavers()
    scenario.portal.leave(people["liam"])
    scenario.portal.remove(people["kiri"])
    people["liam"].there = people["kiri"].there = False
    scenario.touched = ["liam", "kiri", "group legal"]


def _adopt(scenario: Scenario) -> None:
    """Somebody made an account there by hand, and now its owner gets access here."""
    liam = scenario.world.people["liam"]
    name = {"givenName": "Liam (by hand)", "familyName": "Byrne"}
    made = scenario.service.add(liam.username, name=name, title="Made by hand")
    liam.there, liam.remote_id = True, made.id
    scenario.portal.join([liam])
    scenario.touched = ["liam", "liam"]


def _adopt_group(scenario: Scenario) -> None:
    """Somebody made a group there by hand; who is in it stays in it."""
    ops = scenario.world.teams["ops"]
    made = scenario.service.add_group(ops.name, list(scenario.world.strangers)[3:5])
    ops.there, ops.remote_id, ops.before = True, made.id, frozenset(made.members)
    scenario.portal.push_group(ops)
    scenario.touched = [ops.who] * 2


def _group_deleted(scenario: Scenario) -> None:
    legal = scenario.world.teams["legal"]
    legal.there = False
    scenario.portal.remove_group(legal)
    scenario.touched = [legal.who]


def _nothing_changed(scenario: Scenario) -> None:
    """“Push now” for everybody and every group: not one request."""
    scenario.portal.push_everybody()


def _compare(scenario: Scenario) -> Told:
    """What can be put right is, and the second comparison leaves what cannot."""
    scenario.touched = 2 * [*scenario.world.people, "group sales", "group ops"]
    runs: list[Run] = []
    for _ in range(3):
        runs.append(scenario.portal.compare(dry=False))
        scenario.portal.settle()
    put_right = runs[-1].findings.filter(outcome="put_right")
    return [Sentence("", f"Put right for the third time: {row.message}") for row in put_right]


STEPS: dict[Step, Callable[[Scenario], Told | None]] = {
    Step.CONNECT: _connect,
    Step.CREATE: _create,
    Step.GROUPS: _create_groups,
    Step.CHANGE: _change,
    Step.CLEAR: _clear,
    Step.FILL: _fill_in_again,
    Step.RENAME: _rename,
    Step.SECOND_MAIL: _second_mail_removed,
    Step.MEMBER_ADDED: _member_added,
    Step.MEMBER_REMOVED: _member_removed,
    Step.GROUP_RENAMED: _group_renamed,
    Step.DEACTIVATE: _deactivate,
    Step.REACTIVATE: _reactivate,
    Step.DELETE: _delete,
    Step.ADOPT: _adopt,
    Step.ADOPT_GROUP: _adopt_group,
    Step.GROUP_DELETED: _group_deleted,
    Step.NOTHING: _nothing_changed,
    Step.COMPARE: _compare,
}
