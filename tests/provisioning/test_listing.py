"""Which walks over the pages of a list are taken for complete."""

import pytest

from provisioning.listing import MOST_PAGES, Walk

# (returned, new, total, next) of every page
Page = tuple[int, int, int | None, str]


def walked(*pages: Page, cursor: bool = False) -> Walk:
    """The walk after these pages, stored and read again between any two."""
    walk = Walk()
    for returned, new, total, following in pages:
        assert not walk.ended
        walk = Walk.stored(walk.stores)
        walk.page(returned=returned, new=new, total=total, next_page=following, cursor=cursor)
    return walk


@pytest.mark.parametrize(
    "pages",
    [
        [(0, 0, 0, "")],
        [(3, 3, 3, "4"), (0, 0, 3, "")],
        [(3, 3, 3, "")],
        [(3, 3, 5, "4"), (2, 2, 5, "6"), (0, 0, 5, "")],
        # The first page again past the end.
        [(3, 3, 5, "4"), (2, 2, 5, "6"), (3, 0, 5, "9")],
    ],
)
def test_every_page_new_one_total_and_just_so_many_is_proof(pages: list[Page]) -> None:
    walk = walked(*pages)
    assert walk.ended
    assert walk.proven


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([(3, 3, None, "4"), (0, 0, None, "")], "how many"),
        ([(3, 3, 5, "4"), (0, 0, 5, "")], "speaks of 5 accounts and listed 3"),
        ([(3, 3, 5, "")], "speaks of 5 accounts and listed 3"),
        ([(0, 0, 5, "")], "speaks of 5 accounts and listed 0"),
        ([(3, 3, 3, "4"), (1, 1, 3, "5"), (0, 0, 3, "")], "speaks of 3 accounts and lists more"),
        ([(3, 3, 5, "4"), (3, 2, 5, "7"), (0, 0, 5, "")], "more than once"),
        ([(3, 3, 6, "4"), (3, 0, 6, "7")], "more than once"),
        ([(3, 3, 5, "4"), (2, 2, 6, "6"), (0, 0, 5, "")], "5 accounts at first and of 6 later"),
        ([(3, 3, 3, "4"), (0, 0, 4, "")], "3 accounts at first and of 4 later"),
        ([(3, 3, None, "4"), (0, 0, 3, "")], "how many"),
        ([(5, 5, 3, "6"), (0, 0, 3, "")], "speaks of 3 accounts and listed 5"),
        # One of the three could not be read.
        ([(3, 2, 2, "4"), (0, 0, 2, "")], "more than once"),
    ],
)
def test_a_walk_with_a_doubt_is_no_proof(pages: list[Page], reason: str) -> None:
    walk = walked(*pages)
    assert walk.ended
    assert not walk.proven
    assert reason in walk.doubt


@pytest.mark.parametrize(
    "pages",
    [
        [(0, 0, None, "")],
        [(3, 3, None, "")],
        [(3, 3, None, "c1"), (1, 1, None, "c2"), (2, 2, None, "")],
        # So much that the last page had no room left.
        [(3, 3, None, "c1"), (0, 0, None, "")],
        [(3, 3, 4, "c1"), (1, 1, 4, "")],
        [(3, 3, 4, "c1"), (1, 1, None, "")],
        [(3, 3, None, "c1"), (1, 1, 4, "")],
    ],
)
def test_cursors_that_end_and_never_repeat_anything_are_proof(pages: list[Page]) -> None:
    walk = walked(*pages, cursor=True)
    assert walk.ended
    assert walk.proven


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([(3, 3, None, "c1"), (3, 2, None, "")], "more than once"),
        # Round and round.
        ([(3, 3, None, "c1"), (3, 0, None, "c1")], "more than once"),
        ([(3, 3, 3, "c1"), (3, 0, 3, "")], "more than once"),
        ([(3, 3, None, "c1"), (0, 0, None, "c2")], "a page in between was empty"),
        ([(0, 0, None, "c1")], "a page in between was empty"),
        ([(3, 3, 5, "c1"), (1, 1, 5, "")], "speaks of 5 accounts and listed 4"),
        ([(3, 3, 3, "c1"), (1, 1, 3, "")], "speaks of 3 accounts and lists more"),
        ([(3, 3, 2, "")], "speaks of 2 accounts and listed 3"),
        ([(3, 3, 4, "c1"), (1, 1, 5, "")], "4 accounts at first and of 5 later"),
    ],
)
def test_cursors_that_contradict_themselves_are_no_proof(pages: list[Page], reason: str) -> None:
    walk = walked(*pages, cursor=True)
    assert walk.ended
    assert not walk.proven
    assert reason in walk.doubt


def test_cursors_go_on_beyond_the_number_that_was_promised() -> None:
    walk = walked((3, 3, 3, "c1"), cursor=True)
    assert not walk.ended
    assert walk.next == "c1"


def test_a_walk_that_has_not_ended_is_no_proof() -> None:
    assert not walked().proven
    assert not walked((3, 3, 3, "4")).proven


def test_pages_without_an_end_end_all_the_same() -> None:
    walk = Walk()
    while not walk.ended:
        walk.page(returned=1, new=1, total=10**9, next_page="more")
    assert walk.pages == MOST_PAGES
    assert not walk.proven
