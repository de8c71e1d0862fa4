"""What a connector is: the code for one kind of system, in one file.

A connector declares what an administrator fills in, which features it has and which mapping it
starts with, and implements the methods below. It knows nothing of Django or of the database.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from provisioning.pace import Pace
from provisioning.plan import Change, Feature, Value
from provisioning.scim.dialect import DELETE, MEMBERS_SHOWN, Deletion, Dialect, Lesson


@dataclass(frozen=True)
class Setting:
    """One field that the administrator fills in so that the system can be reached."""

    key: str
    label: str
    help_text: str = ""
    secret: bool = False
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    # (key of another setting, its value): asked for only then.
    when: tuple[str, str] | None = None
    is_url: bool = False
    # May stay empty.
    optional: bool = False
    # A secret that a person chose and not a program: it may hold blanks and any letters.
    as_typed: bool = False


@dataclass(frozen=True)
class Step:
    """One step of the set-up guide shown beside the form."""

    title: str
    text: str


@dataclass(frozen=True)
class Constant:
    """A fixed text that a first mapping fills a target with."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A formula that a first mapping fills a target by (provisioning/expressions/)."""

    text: str


# Where the value of a target comes from: a portal attribute by its key, or what is written.
Source = str | Constant | Formula


@dataclass(frozen=True)
class RemoteAccount:
    """What the application holds for one person.

    `values` are the mapped targets it was asked for, absent ones left out; `external_id` is empty
    where the application keeps none; `tells_active` is whether it showed `active` at all.
    """

    remote_id: str
    active: bool
    values: dict[str, Value]
    external_id: str = ""
    tells_active: bool = True


@dataclass(frozen=True)
class RemoteGroup:
    """What the application holds for one group.

    `values` are the mapped targets it was asked for, absent ones left out. `members` are the ids of
    the accounts in it, None where the application does not show them or was not asked.
    """

    remote_id: str
    values: dict[str, Value]
    external_id: str = ""
    members: frozenset[str] | None = None


@dataclass(frozen=True)
class Listing:
    """One page of all accounts that the application holds.

    `returned` counts what came, readable or not; `next` is where the next page begins, empty when
    there is certainly none; `total` is how many accounts there are by the application's own word.
    `cursor` says that only a missing `next` is the end (RFC 9865).
    """

    accounts: Sequence[RemoteAccount]
    returned: int
    next: str
    total: int | None
    cursor: bool = False


class Connector(ABC):
    """One connection to one application. Safe to use from several threads.

    Every method that talks to the application raises a `ConnectorError` whose class says what to
    do next and whose text is the sentence the administrator reads (provisioning/errors.py).
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    position: ClassVar[int] = 100
    settings: ClassVar[tuple[Setting, ...]]
    features: ClassVar[tuple[Feature, ...]]
    # What a feature does in this application, where that may surprise.
    feature_notes: ClassVar[Mapping[Feature, str]] = {}
    # The rows that a new app begins with.
    default_mappings: ClassVar[tuple[tuple[str, Source], ...]]
    # Targets to suggest while a mapping is typed.
    known_targets: ClassVar[tuple[str, ...]] = ()
    # Targets without which no account can be created; the first identifies the account.
    required_targets: ClassVar[tuple[str, ...]]
    # The target that deactivating and reactivating change, where a mapping can fill it too.
    active_target: ClassVar[str] = ""
    steps: ClassVar[tuple[Step, ...]]
    # The same three for groups, where it has the methods for them.
    default_group_mappings: ClassVar[tuple[tuple[str, str], ...]] = ()
    known_group_targets: ClassVar[tuple[str, ...]] = ()
    required_group_targets: ClassVar[tuple[str, ...]] = ()
    # Whether it has `list_accounts` and `get`, so that accounts can be compared.
    lists_accounts: ClassVar[bool] = False
    # Targets that a listing does not show, with what is inside them: they are not compared.
    not_listed: ClassVar[tuple[str, ...]] = ()
    # How this kind deviates from SCIM: what is in it is a fact of the vendor's file.
    dialect: ClassVar[Dialect] = Dialect()
    # How many requests may be on their way at once.
    concurrency: ClassVar[int] = 4
    # How many it takes in a second; 0 is no limit.
    requests_per_second: ClassVar[float] = 0

    def __init__(
        self,
        name: str,
        config: Mapping[str, str],
        *,
        internal: bool = False,
        ca_certificate: str = "",
        pace: Pace | None = None,
    ) -> None:
        """`name` is what people call the app.

        `ca_certificate` is the PEM text of an authority of one's own; `pace` may be shared with
        other connections to the same application.
        """
        self.name = name
        self.config = config
        self.internal = internal
        self.ca_certificate = ca_certificate
        self.pace = pace or Pace(self.requests_per_second)
        self.before_write: Callable[[], None] = lambda: None
        self.learned: dict[str, str] = {}
        self.lessons: list[Lesson] = []

    def asking(
        self, before_write: Callable[[], None], *, learned: Mapping[str, str] | None = None
    ) -> Self:
        """This connection for one batch, with a function that is called right before each write.

        That function may raise. `learned` is what is known of this application, flag to value;
        what is found out on the way is added to it, and to `lessons` with its evidence.
        """
        # A copy: two owners of a lane, a former and a new one, may use one connection for a moment.
        asking = copy.copy(self)
        asking.before_write = before_write
        asking.learned = dict(learned or {})
        asking.lessons = []
        return asking

    def learn(self, lesson: Lesson) -> None:
        """Go by this from now on. Whoever gave the work saves it."""
        if self.learned.get(lesson.flag) != lesson.value:
            self.learned[lesson.flag] = lesson.value
            self.lessons.append(lesson)

    @property
    def secrets(self) -> list[str]:
        """What must be kept out of everything that people read."""
        held = (self.config.get(setting.key) for setting in self.settings if setting.secret)
        return [secret for secret in held if secret]

    @property
    def keeps_deleted(self) -> bool:
        """Whether an account that is deleted is known to stay there, switched off."""
        return self.learned.get(DELETE, self.dialect.delete) == Deletion.DEACTIVATES

    @classmethod
    def lists(cls, target: str) -> bool:
        """Whether a listing shows this target."""
        return not any(
            target == each or target.startswith((f"{each}.", f"{each}:", f"{each}["))
            for each in cls.not_listed
        )

    @classmethod
    @abstractmethod
    def target(cls, text: str) -> str:
        """The canonical form of a mapping target.

        Raises ValueError with a sentence, and with `pointed` where a character can be shown.
        """

    @classmethod
    def takes_list(cls, target: str) -> bool | None:
        """Whether it always holds a list of texts; None if it may, as nobody knows its kind."""
        return False

    @classmethod
    def cannot_match(cls, target: str) -> str:
        """Why no account can be found by this target, as a sentence; "" if one can."""
        return ""

    @classmethod
    def asked_by(cls, values: Mapping[str, Value | None], matching: Sequence[str]) -> list[str]:
        """The targets of `matching` that have a value; the one that always has, if none does."""
        filled = [target for target in matching if values.get(target) is not None]
        return filled or list(cls.required_targets[:1])

    @abstractmethod
    def check(self) -> str:
        """Reach the application with the credentials, change nothing; what was found, in words."""

    def discover(self) -> Sequence[Lesson]:
        """What the application says of itself, as far as it does. Raises nothing."""
        return ()

    @abstractmethod
    def find(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
        made_by_us: bool,
    ) -> Sequence[RemoteAccount]:
        """The accounts that match, each verified; empty only if there is certainly none.

        They are looked for by one target of `matching` after the other (`asked_by`): the first
        that finds anything decides. `made_by_us` looks for the external id before that: an earlier
        attempt may have got through.
        """

    def look_through(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
    ) -> Sequence[RemoteAccount]:
        """The accounts that `find` should have found, looked for among all there are.

        Asked when a create was refused because of an account that the search did not show. Each is
        verified; that there is none proves nothing.
        """
        return ()

    # A write returns the account as the answer to it shows it, None if it shows none, and raises
    # Promised if the application will do it later.

    @abstractmethod
    def create(self, values: Mapping[str, Value | None], *, external_id: str) -> RemoteAccount: ...

    @abstractmethod
    def update(
        self, remote_id: str, changes: Sequence[Change], *, held: Collection[str]
    ) -> RemoteAccount | None:
        """Bring these targets to their new values; `held` are all that have a value now."""

    @abstractmethod
    def deactivate(self, remote_id: str) -> RemoteAccount | None: ...

    @abstractmethod
    def reactivate(self, remote_id: str) -> RemoteAccount | None: ...

    @abstractmethod
    def delete(self, remote_id: str) -> None:
        """Remove the account. One that is already gone is a success."""

    def list_accounts(self, targets: Collection[str], *, position: str) -> Listing:
        """One page, with what each account holds of the targets; `position` is "" at first."""
        raise NotImplementedError

    def get(self, remote_id: str, targets: Collection[str]) -> RemoteAccount:
        """One account. Raises NotFound only if there is certainly none under this id."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- groups

    @classmethod
    def group_target(cls, text: str) -> str:
        """As `target`, for what a mapping of groups may fill."""
        raise NotImplementedError

    @property
    def members_at_once(self) -> int:
        """How many members one request may add or remove."""
        raise NotImplementedError

    def find_group(
        self, values: Mapping[str, Value | None], *, external_id: str, made_by_us: bool
    ) -> Sequence[RemoteGroup]:
        """As `find`, for a group: verified hits without their members, empty if there is none."""
        raise NotImplementedError

    def look_through_groups(
        self, values: Mapping[str, Value | None], *, external_id: str
    ) -> Sequence[RemoteGroup]:
        """As `look_through`, for a group."""
        return ()

    def create_group(self, values: Mapping[str, Value | None], *, external_id: str) -> RemoteGroup:
        """Make the group, with nobody in it."""
        raise NotImplementedError

    def update_group(
        self, remote_id: str, changes: Sequence[Change], *, held: Collection[str]
    ) -> RemoteGroup | None:
        """Bring these targets to their new values, and leave everybody in it who is in it.

        The group as the answer shows it, None if it does not.
        """
        raise NotImplementedError

    def delete_group(self, remote_id: str) -> None:
        """Remove the group. One that is already gone is a success."""
        raise NotImplementedError

    def add_members(self, remote_id: str, members: Sequence[str]) -> RemoteGroup | None:
        """Put these accounts in, `members_at_once` at most; one that is in already is a success.

        The group as the answer shows it, None if it does not. All or none of them are in if it
        raises Rejected (too many at once, or one of them is not known there).
        """
        raise NotImplementedError

    def remove_members(self, remote_id: str, members: Sequence[str]) -> RemoteGroup | None:
        """Take these accounts out, and only these; one that is not in it is a success."""
        raise NotImplementedError

    @property
    def hides_members(self) -> bool:
        """Whether it is known that a group is shown without who is in it."""
        shows = self.dialect.groups.shows_members
        return self.learned.get(MEMBERS_SHOWN) == "no" if shows is None else not shows

    @property
    def finds_members(self) -> bool:
        """Whether `has_member` asks for this one account alone, however many are in the group."""
        return bool(self.dialect.groups.member_filter)

    def has_member(self, remote_id: str, member: str) -> bool | None:
        """Whether this account is in the group, None where the application does not tell."""
        raise NotImplementedError

    def get_group(self, remote_id: str, targets: Collection[str]) -> RemoteGroup:
        """One group with its members. Raises NotFound only if there is certainly none."""
        raise NotImplementedError

    @abstractmethod
    def close(self) -> None: ...
