"""The groups of an application that speaks SCIM 2.0: found, made, renamed and deleted."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self

from provisioning import http
from provisioning.connectors.base import RemoteGroup
from provisioning.connectors.service import ScimService, Unsupported, as_count
from provisioning.errors import AlreadyExists, ConnectorError, NotFound, Rejected, Unavailable
from provisioning.listing import Walk
from provisioning.plan import Change, Value
from provisioning.scim import group_messages, messages
from provisioning.scim.dialect import (
    GROUP_SEARCH,
    GROUP_UPDATE,
    MEMBERS_SHOWN,
    PAGING,
    Lesson,
    Paging,
    Search,
    Update,
    page_size,
)
from provisioning.scim.schema import CORE_GROUP

CORRECT_GROUP = "Correct the group or its attribute mapping; Gatehouse then tries again by itself."
_GROUPS = "/Groups"
# Well within the lease on the lane, which nobody renews meanwhile (seconds).
_LONGEST = 45.0
_NONE_THERE = frozenset({404, 405, 501})
# What servers say of a request that names more members than they take.
_TOO_MANY = ("too many", "too large", "exceed", "at most", "maximum")
_OF_THESE = ("member", "operation", "change", "request")


class TooMany(Rejected):
    """The application takes fewer members in one request."""


class ScimGroups(ScimService):
    """Groups without who is in them, and what the application's answers about them mean."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._all_groups: tuple[str, list[RemoteGroup]] | None = None

    def asking(
        self, before_write: Callable[[], None], *, learned: Mapping[str, str] | None = None
    ) -> Self:
        asking = super().asking(before_write, learned=learned)
        asking._all_groups = None
        return asking

    @classmethod
    def group_target(cls, text: str) -> str:
        return str(group_messages.target(text))

    def find_group(
        self, values: Mapping[str, Value | None], *, external_id: str, made_by_us: bool
    ) -> Sequence[RemoteGroup]:
        if made_by_us and self.dialect.keeps_external_id:
            hits = self._group_search("externalId", external_id, values)
            if hits:
                return hits
        return self._group_search("displayName", str(values["displayName"]), values)

    def look_through_groups(
        self, values: Mapping[str, Value | None], *, external_id: str
    ) -> Sequence[RemoteGroup]:
        _, hits = self._groups_listed("displayName", str(values["displayName"]), values)
        return hits

    def create_group(self, values: Mapping[str, Value | None], *, external_id: str) -> RemoteGroup:
        kept = external_id if self.dialect.keeps_external_id else None
        self._all_groups = None
        reply = self._request("POST", _GROUPS, json=group_messages.group(values, external_id=kept))
        made = self._group(reply.body, values)
        if made is None:
            raise Unavailable(
                f"{self.name} accepted the new group but did not say which id it has. Gatehouse "
                "looks it up."
            )
        return made

    def update_group(
        self, remote_id: str, changes: Sequence[Change], *, held: Collection[str]
    ) -> RemoteGroup | None:
        self._all_groups = None
        sent = [messages.Change(change.path, change.old, change.new) for change in changes]
        reply = self._in_some_form(
            GROUP_UPDATE,
            self.dialect.groups.updates,
            lambda form: self._change_group(form, remote_id, sent),
        )
        shown = self._group(reply.body, {change.path: change.new for change in changes})
        return shown if shown is not None and shown.remote_id == remote_id else None

    def delete_group(self, remote_id: str) -> None:
        self._all_groups = None
        try:
            self._request("DELETE", self._group_path(remote_id))
        except NotFound:
            return

    def get_group(self, remote_id: str, targets: Collection[str]) -> RemoteGroup:
        document = self._group_document(remote_id)
        found = self._group(document, dict.fromkeys(targets))
        if found is None or found.remote_id != remote_id:
            raise Unavailable(
                f"{self.name} was asked for one group and answered with something else. Gatehouse "
                "tries again by itself."
            )
        members = self._members(document)
        return RemoteGroup(found.remote_id, found.values, found.external_id, members)

    # --------------------------------------------------------------------------- who is shown

    def _members(self, document: dict[str, Any]) -> frozenset[str] | None:
        """Who is in the group, None where the application does not show that."""
        shown = group_messages.members(document)
        if shown:
            if self.dialect.groups.shows_members is None:
                self.learn(Lesson(MEMBERS_SHOWN, "yes", "It showed a group with who is in it."))
            return shown
        return frozenset() if self._shows_members() else None

    def _shows_members(self) -> bool:
        """Whether a group that is shown without members has none: absent and empty look alike."""
        if self.dialect.groups.shows_members is not None:
            return self.dialect.groups.shows_members
        if MEMBERS_SHOWN not in self.learned:
            asked = self._group_schema() if self.dialect.discovery else None
            says_so = group_messages.says_shown(asked)
            does = "describes" if says_so else "does not describe"
            self.learn(
                Lesson(
                    MEMBERS_SHOWN,
                    "yes" if says_so else "no",
                    f"It {does} the members of a group as something that it shows.",
                )
            )
        return self.learned[MEMBERS_SHOWN] == "yes"

    def _group_schema(self) -> Any:
        try:
            return self._request("GET", f"/Schemas/{CORE_GROUP}").body
        except Unavailable:
            raise
        except ConnectorError:
            return None

    # -------------------------------------------------------------------------------- changes

    def _change_group(
        self, form: Update, remote_id: str, changes: Sequence[messages.Change]
    ) -> http.Response:
        path = self._group_path(remote_id)
        if form is Update.PATHS:
            return self._request("PATCH", path, json=messages.patch(changes))
        if form is Update.PUT:
            return self._put_group(remote_id, changes)
        # The name is a whole attribute without a look at the others.
        alone = all(change.path == "displayName" for change in changes)
        document = {} if alone else self._group_document(remote_id)
        return self._request("PATCH", path, json=messages.patch_whole(document, changes))

    def _put_group(
        self,
        remote_id: str,
        changes: Sequence[messages.Change] = (),
        *,
        adding: Collection[str] = (),
        removing: Collection[str] = (),
    ) -> http.Response:
        document = self._group_document(remote_id)
        if self._members(document) is None:
            raise Rejected(
                f"{self.name} takes a change of a group only together with everybody who is in it, "
                "and does not show who that is. Gatehouse left the group as it is, so that nobody "
                f"is lost. Ask the support of {self.name} whether its SCIM service takes PATCH."
            )
        body = group_messages.whole(document, changes, adding=adding, removing=removing)
        if not self.dialect.keeps_external_id:
            body.pop("externalId", None)
        return self._request("PUT", self._group_path(remote_id), json=body)

    # --------------------------------------------------------------------------------- search

    def _group_search(
        self, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteGroup]:
        return self._in_some_form(
            f"{GROUP_SEARCH}{attribute}",
            self.dialect.groups.searches,
            lambda form: self._groups_searched(form, attribute, value, values),
        )

    def _groups_searched(
        self, form: Search, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteGroup]:
        if form is Search.FILTER:
            question = messages.equals(attribute, value)
            return self._groups_filtered(question, attribute, value, values)
        if form is Search.BARE:
            bare = messages.equals_bare(attribute, value)
            if not bare:
                said = self._no_group_search(attribute, value)
                raise Unsupported(said, evidence="", lasting=False)
            return self._groups_filtered(bare, attribute, value, values)
        doubt, hits = self._groups_listed(attribute, value, values)
        if doubt and not hits:
            raise Rejected(
                f"{self.name} could not be searched for the group with the {attribute} “{value}”, "
                "and the list of its groups does not tell either whether it exists there: "
                f"{doubt}. Ask the application's support whether its SCIM service supports filters."
            )
        return hits

    def _groups_filtered(
        self, question: str, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> list[RemoteGroup]:
        """Raises Unsupported if the answer holds what was not asked for, as `_filtered` does."""
        listed, total = self._group_page({"filter": question})
        if total is None:
            raise Unavailable(
                f"{self.name} answered a search with something else than a list of groups. "
                "Gatehouse tries again by itself."
            )
        groups = [hit for hit in (self._group(item, values) for item in listed) if hit]
        wrong = [hit for hit in groups if not self._is_called(hit, attribute, value)]
        if wrong or len(groups) < max(total, len(listed)):
            raise Unsupported(
                self._no_group_search(attribute, value),
                evidence=f"It answered a search for one group with {total:,}.",
                lasting=bool(wrong),
            )
        return groups

    def _group_page(self, query: Mapping[str, str]) -> tuple[list[Any], int | None]:
        """What one page lists, and how many groups there are by the application's own word."""
        listed, total, _ = self._group_page_and_next(query)
        return listed, total

    def _group_page_and_next(self, query: Mapping[str, str]) -> tuple[list[Any], int | None, str]:
        """The same, and the cursor of the next page, "" if none is given (RFC 9865)."""
        excluded = {"excludedAttributes": "members"} if self._excludes else {}
        reply = self._request("GET", _GROUPS, params={**query, **excluded})
        body = reply.body if isinstance(reply.body, dict) else {}
        listed, total = body.get("Resources") or [], as_count(body.get("totalResults"))
        if not isinstance(listed, list) or (total is None and "Resources" not in body):
            raise Unavailable(
                f"{self.name} answered with something else than a list of groups"
                f"{self._shown(reply)}. Gatehouse tries again by itself."
            )
        return listed, total, str(body.get("nextCursor") or "")

    def _groups_listed(
        self, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> tuple[str, list[RemoteGroup]]:
        """The groups that are called so by the list of all, and why that list may have gaps."""
        if self._all_groups is None:
            self._all_groups = self._read_all_groups()
        doubt, groups = self._all_groups
        hits = []
        for listed in groups:
            if not self._is_called(listed, attribute, value):
                continue
            try:
                hit = self._group(self._group_document(listed.remote_id, brief=True), values)
            except NotFound:
                # Gone since the list was read.
                continue
            if hit and self._is_called(hit, attribute, value):
                hits.append(hit)
        return doubt, hits

    def _read_all_groups(self) -> tuple[str, list[RemoteGroup]]:
        return self._in_some_form(PAGING, self.dialect.paging, self._read_groups)

    def _read_groups(self, form: Paging) -> tuple[str, list[RemoteGroup]]:
        """All groups, page by page in this form, and why some may be missing."""
        walk, found, start, by_cursor = Walk(), dict[str, RemoteGroup](), 1, form is Paging.CURSOR
        ends = time.monotonic() + _LONGEST
        while not walk.ended:
            if time.monotonic() > ends:
                return "it takes too long to be read", list(found.values())
            where = {"cursor": walk.next} if by_cursor else {"startIndex": str(start)}
            size = page_size(self.dialect, self.learned)
            asked = {**where, "count": str(size)} if size else where
            listed, total, cursor = self._group_page_and_next(asked)
            groups = [hit for hit in (self._group(item, {}) for item in listed) if hit]
            before = len(found)
            found = {hit.remote_id: hit for hit in groups} | found
            start += len(listed)
            following = str(start) if listed else ""
            walk.page(
                returned=len(listed),
                new=len(found) - before,
                total=total,
                next_page=cursor if by_cursor else following,
                cursor=by_cursor,
            )
        unnamed = "it lists groups without a name" if _unnamed(found.values()) else ""
        return unnamed or walk.doubt.replace("accounts", "groups"), list(found.values())

    def _no_group_search(self, attribute: str, value: str) -> str:
        return (
            f"{self.name} did not search for the group with the {attribute} “{value}” but answered "
            "with other groups, so Gatehouse cannot tell whether this one exists there."
        )

    # ------------------------------------------------------------------------------- documents

    @property
    def _excludes(self) -> bool:
        return self.dialect.groups.excludes_members

    def _group_document(self, remote_id: str, *, brief: bool = False) -> dict[str, Any]:
        """The group as it is shown; `brief` is without who is in it, where that can be asked."""
        path = self._group_path(remote_id)
        if brief and self._excludes:
            reply = self._request("GET", path, params={"excludedAttributes": "members"})
        else:
            reply = self._request("GET", path)
        if not isinstance(reply.body, dict):
            raise Unavailable(
                f"{self.name} was asked for one group and answered with something else"
                f"{self._shown(reply)}. Gatehouse tries again by itself."
            )
        return reply.body

    def _group(self, document: Any, values: Mapping[str, Value | None]) -> RemoteGroup | None:
        if not isinstance(document, dict) or not document.get("id"):
            return None
        found = messages.read(document, {*values, "displayName"})
        kept = document.get("externalId") if self.dialect.keeps_external_id else None
        return RemoteGroup(str(document["id"]), found, str(kept or ""))

    def _is_called(self, hit: RemoteGroup, attribute: str, value: str) -> bool:
        if attribute == "externalId":
            return hit.external_id == value
        # RFC 7643 section 4.2 says nothing of letter case, so it is ignored (section 2.2).
        return str(hit.values.get(attribute, "")).casefold() == value.casefold()

    def _group_path(self, remote_id: str) -> str:
        return f"{_GROUPS}/{http.segment(remote_id)}"

    # ---------------------------------------------------------------------------------- errors

    def _correction(self, path: str) -> str:
        return CORRECT_GROUP if path.startswith(_GROUPS) else super()._correction(path)

    def _refusal(self, path: str, reply: http.Response) -> ConnectorError:
        error, status = super()._refusal(path, reply), reply.status
        if not path.startswith(_GROUPS):
            return error
        said = self._said(reply)
        if path == _GROUPS and status in _NONE_THERE:
            return Rejected(
                f"The SCIM service of {self.name} has no groups (it answered {status}{said}). "
                f"Switch the features for groups off under Apps > {self.name}.",
                http_status=status,
            )
        if isinstance(error, NotFound):
            return NotFound(f"{self.name} does not know this group.", http_status=status)
        if isinstance(error, AlreadyExists):
            return AlreadyExists(
                f"{self.name} says that another group already has this name{said}.",
                http_status=status,
            )
        if type(error) is not Rejected:
            return error
        kind = TooMany if _says_too_many(reply, said) else Rejected
        return kind(
            f"{self.name} refused it (error {status}){said}. {CORRECT_GROUP}",
            http_status=status,
        )


def _says_too_many(reply: http.Response, said: str) -> bool:
    if reply.status == 413 or messages.scim_type(reply.body) == "tooMany":
        return True
    words = said.casefold()
    many = any(sign in words for sign in _TOO_MANY)
    return reply.status in {400, 422} and many and any(each in words for each in _OF_THESE)


def _unnamed(groups: Collection[RemoteGroup]) -> bool:
    return any(not group.values.get("displayName") for group in groups)
