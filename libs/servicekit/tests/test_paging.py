"""Pages of lists."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import NotFound
from servicekit.paging import MAX_PAGE_SIZE, Page, page_of


@dataclass
class Request:
    """A list request whose zero fields are unset, as a proto message has them."""

    page: int = 0
    page_size: int = 0
    sent: tuple[str, ...] = ()

    def HasField(self, name: str) -> bool:
        return name in self.sent


def test_a_request_without_paging_gets_the_longest_first_page() -> None:
    assert page_of(Request()) == Page(1, MAX_PAGE_SIZE)


def test_page_and_size_are_honoured_and_the_size_is_capped() -> None:
    assert page_of(Request(3, 25, ("page", "page_size"))) == Page(3, 25)
    assert page_of(Request(2, 100_000, ("page", "page_size"))).limit == MAX_PAGE_SIZE


@pytest.mark.parametrize(("page", "size"), [(0, 10), (-1, 10), (1, 0), (1, -5)])
def test_pages_before_the_first_are_refused(page: int, size: int) -> None:
    with pytest.raises(NotFound, match="Invalid page"):
        page_of(Request(page, size, ("page", "page_size")))


@given(count=st.integers(0, 300), size=st.integers(1, 50))
def test_pages_cover_a_list_once_and_the_next_one_is_refused(count: int, size: int) -> None:
    rows = list(range(count))
    pages = max(1, -(-count // size))
    seen: list[int] = []
    for number in range(1, pages + 1):
        page = Page(number, size)
        page.check(count)
        seen += rows[page.offset : page.offset + page.limit]
    assert seen == rows
    with pytest.raises(NotFound) as refused:
        Page(pages + 1, size).check(count)
    assert refused.value.code == "invalid_page"
