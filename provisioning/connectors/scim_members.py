"""Who is in the groups of an application that speaks SCIM 2.0: put in, and taken out."""

from collections.abc import Callable, Sequence

from provisioning import http
from provisioning.connectors.base import RemoteGroup
from provisioning.connectors.scim_groups import ScimGroups, TooMany
from provisioning.connectors.service import Unsupported
from provisioning.errors import AlreadyExists, ConnectorError, NotFound, Rejected
from provisioning.scim import dialect, group_messages, messages
from provisioning.scim.dialect import (
    ADDITION,
    AT_ONCE,
    REMOVAL,
    SPARES,
    Lesson,
    Members,
)

# Of these it is known what they do: one names a single account, the other holds everybody.
_SAFE = frozenset({Members.CHOSEN, Members.PUT})


class _NotIn(Rejected):
    """One of those who are to be taken out is not in the group, so nobody was taken out."""


class ScimMembers(ScimGroups):
    """Adds a few members, or removes a few, and never sends the others where it can be helped."""

    @property
    def members_at_once(self) -> int:
        learned = self.learned.get(AT_ONCE, "")
        most = self.dialect.groups.members_at_once
        return min(most, int(learned)) if learned.isdigit() and int(learned) else most

    def add_members(self, remote_id: str, members: Sequence[str]) -> RemoteGroup | None:
        try:
            reply = self._with_members(
                ADDITION, members, lambda form: self._put_in(form, remote_id, members)
            )
        except AlreadyExists as error:
            # Some say so of a member that is in already.
            if len(members) == 1 and self.has_member(remote_id, members[0]):
                return None
            raise Rejected(str(error), http_status=error.http_status) from error
        except NotFound as error:
            self._group_document(remote_id, brief=True)
            raise Rejected(
                f"{self.name} has this group, and does not know one of the accounts that were to "
                "be put into it.",
                http_status=error.http_status,
            ) from error
        return self._answered(reply)

    def remove_members(self, remote_id: str, members: Sequence[str]) -> RemoteGroup | None:
        try:
            reply = self._with_members(
                REMOVAL, members, lambda form: self._take_out(form, remote_id, members)
            )
        except _NotIn:
            if len(members) == 1:
                return None
            half = len(members) // 2
            self.remove_members(remote_id, members[:half])
            return self.remove_members(remote_id, members[half:])
        return self._answered(reply)

    def has_member(self, remote_id: str, member: str) -> bool | None:
        if not self.dialect.groups.member_filter:
            members = self.get_group(remote_id, ()).members
            return None if members is None else member in members
        question = self.dialect.groups.member_filter.format(
            group=messages.quoted(remote_id), member=messages.quoted(member)
        )
        listed, _ = self._group_page({"filter": question})
        found = [group for group in (self._group(item, {}) for item in listed) if group]
        if any(group.remote_id != remote_id for group in found):
            return None
        return bool(found)

    # ---------------------------------------------------------------------------------- forms

    def _with_members(
        self, flag: str, members: Sequence[str], ask: Callable[[Members], http.Response]
    ) -> http.Response:
        """In the form that is taken; a refusal of so many teaches a smaller number."""
        groups = self.dialect.groups
        forms = groups.additions if flag == ADDITION else groups.removals
        try:
            return self._in_some_form(flag, forms, ask)
        except TooMany as error:
            if len(members) > 1:
                said = f"It refused {len(members)} members in one request: {error}"
                self.learn(Lesson(AT_ONCE, str(len(members) // 2), said[: dialect.SHOWN]))
            raise

    def _put_in(self, form: Members, remote_id: str, members: Sequence[str]) -> http.Response:
        if form is Members.PUT:
            return self._put_group(remote_id, adding=members)
        body = group_messages.adding(form, members)
        return self._watched(
            ADDITION,
            form,
            remote_id,
            members,
            lambda: self._request("PATCH", self._group_path(remote_id), json=body),
        )

    def _take_out(self, form: Members, remote_id: str, members: Sequence[str]) -> http.Response:
        if form is Members.PUT:
            return self._put_group(remote_id, removing=members)
        body = group_messages.removing(form, members)
        try:
            return self._watched(
                REMOVAL,
                form,
                remote_id,
                members,
                lambda: self._request("PATCH", self._group_path(remote_id), json=body),
            )
        except NotFound as error:
            # Unless it means the group, and then this raises it anew.
            self._group_document(remote_id, brief=True)
            raise self._not_in(error, remote_id, members) from error
        except Rejected as error:
            if isinstance(error, Unsupported):
                # RFC 7644 section 3.5.2.2: the path chooses nobody (noTarget).
                is_out = error.http_status == 400 and not error.lasting
            else:
                # Some refuse the id of an account that is gone.
                alone = error.http_status == 400 and len(members) == 1
                is_out = alone and self.has_member(remote_id, members[0]) is False
            if not is_out:
                raise
            raise self._not_in(error, remote_id, members) from error

    def _not_in(
        self, error: ConnectorError, remote_id: str, members: Sequence[str]
    ) -> _NotIn | Unsupported:
        """What it means that one of them was not found in the group."""
        status = error.http_status
        if len(members) == 1 and self.has_member(remote_id, members[0]):
            return Unsupported(
                f"{self.name} did not find a member of a group in it (error {status}).",
                evidence=f"It answered {status} about somebody who was in the group.",
                http_status=status,
            )
        return _NotIn(str(error), http_status=status)

    # ------------------------------------------------------------------- what may empty a group

    def _watched(
        self,
        kind: str,
        form: Members,
        remote_id: str,
        members: Sequence[str],
        send: Callable[[], http.Response],
    ) -> http.Response:
        """Send it; a form that nobody vouches for is looked at before and after.

        A list of members to remove empties the whole group on some servers.
        """
        flag = f"{SPARES}{kind}.{form}"
        groups = self.dialect.groups
        first = (groups.additions if kind == ADDITION else groups.removals)[0]
        if form is first or form in _SAFE or self.learned.get(flag) == "yes":
            return send()
        others = self._others(kind, remote_id, members)
        reply = send()
        if not others:
            return reply
        try:
            left = self._members(self._group_document(remote_id)) or frozenset()
        except ConnectorError:
            # Nobody saw what it did, so whoever was in the group is put into it again.
            self._put_back(remote_id, sorted(others))
            raise
        if lost := sorted(others - left):
            raise self._took_others(flag, remote_id, members, lost)
        seen = f"Of {len(others):,} others in a group all were still there afterwards."
        self.learn(Lesson(flag, "yes", seen))
        return reply

    def _others(self, kind: str, remote_id: str, members: Sequence[str]) -> frozenset[str]:
        """Who else is in the group. Raises Unsupported if this form must not be tried."""
        flags = [flag for flag in self.learned if flag.startswith(f"{SPARES}{kind}.")]
        if any(self.learned[flag] == "no" for flag in flags):
            raise Unsupported(
                f"{self.name} took more people out of a group than it was asked to.",
                evidence="",
                lasting=False,
            )
        held = self._members(self._group_document(remote_id))
        if held is None:
            raise Unsupported(
                f"{self.name} does not show who is in a group, so Gatehouse cannot see whether it "
                "would lose the others.",
                evidence="",
                lasting=False,
            )
        return held - set(members)

    def _took_others(
        self, flag: str, remote_id: str, members: Sequence[str], lost: Sequence[str]
    ) -> Rejected:
        """Remember it, put them back, and say so."""
        seen = f"Asked to change {len(members):,}, it took out {len(lost):,} others."
        self.learn(Lesson(flag, "no", seen))
        try:
            self._put_back(remote_id, lost)
            then = "Gatehouse put them back"
        except ConnectorError as error:
            then = (
                f"Gatehouse could not put all of them back ({error}) These were in it: "
                f"{', '.join(lost[:20])}{' and others' if len(lost) > 20 else ''}"
            )
        return Rejected(
            f"{self.name} was asked to change {len(members):,} of the people in a group and took "
            f"{len(lost):,} others out as well. {then}. It is not asked in this way again. Look at "
            f"the group in {self.name}, and tell its support."
        )

    def _put_back(self, remote_id: str, lost: Sequence[str]) -> None:
        for start in range(0, len(lost), self.members_at_once):
            self.add_members(remote_id, lost[start : start + self.members_at_once])

    def _answered(self, reply: http.Response) -> RemoteGroup | None:
        """The group as the answer to a change shows it, None if it does not."""
        group = self._group(reply.body, {})
        # An answer without a list says nothing; one with an empty list may.
        if group is None or group_messages.members(reply.body) is None:
            return None
        members = self._members(reply.body)
        if members is None:
            return None
        return RemoteGroup(group.remote_id, {}, group.external_id, members)
