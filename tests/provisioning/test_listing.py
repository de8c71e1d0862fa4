"""Which walks over the pages of a list are taken for complete."""

import pytest

from provisioning.listing import MOST_PAGES, Walk

# (returned, new, total, next) of every page
Page = tuple[int, int, int | None, str]


def walked(*pages: Page) -> Walk:
    """The walk after these pages, stored and read again between any two."""
    walk = Walk()
    for returned, new, total, following in pages:
        assert not walk.ended
        walk = Walk.stored(walk.stores)
        walk.page(returned=returned, new=new, total=total, next_page=following)
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
        # One of the three could not be read.
        ([(3, 2, 2, "4"), (0, 0, 2, "")], "more than once"),
    ],
)
def test_a_walk_with_a_doubt_is_no_proof(pages: list[Page], reason: str) -> None:
    walk = walked(*pages)
    assert walk.ended
    assert not walk.proven
    assert reason in walk.doubt


def test_a_walk_that_has_not_ended_is_no_proof() -> None:
    assert not walked().proven
    assert not walked((3, 3, 3, "4")).proven


def test_pages_without_an_end_end_all_the_same() -> None:
    walk = Walk()
    while not walk.ended:
        walk.page(returned=1, new=1, total=10**9, next_page="more")
    assert walk.pages == MOST_PAGES
    assert not walk.proven
