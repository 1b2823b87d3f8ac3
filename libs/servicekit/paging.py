"""Pages of lists: which rows a request asks for, and refusing a page that does not exist."""

from dataclasses import dataclass
from typing import Any

from servicekit.db import Query, Reader
from servicekit.errors import NotFound

MAX_PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list; the first page of `MAX_PAGE_SIZE` rows stands for a list that was not asked for in pages."""

    number: int = 1
    size: int = MAX_PAGE_SIZE

    @property
    def limit(self) -> int:
        """How many rows the page holds at most."""
        return self.size

    @property
    def offset(self) -> int:
        """How many rows stand before the page."""
        return (self.number - 1) * self.size

    def check(self, count: int) -> None:
        """Raises NotFound when a list of `count` rows ends before the page; the first page is always there."""
        if self.number > 1 and self.offset >= count:
            raise NotFound("Invalid page.", code="invalid_page")


def page_of(request: Any, most: int = MAX_PAGE_SIZE) -> Page:
    """The page that a list request asks for by `page` and `page_size`, of so many rows at most.

    Raises NotFound for a page before the first.
    """
    number = request.page if request.HasField("page") else 1
    size = request.page_size if request.HasField("page_size") else most
    if number < 1 or size < 1:
        raise NotFound("Invalid page.", code="invalid_page")
    return Page(number, min(size, most))


async def read_page(reader: Reader, count: Query, rows: Query, page: Page, **parameters: Any) -> tuple[int, list[Any]]:
    """How many rows the whole list has, and those of one page, in one round trip; NotFound beyond the end.

    Both queries take the parameters; `rows` takes `limit` and `offset` besides.
    """
    counted, found = await reader.batch(
        (count, parameters), (rows, {**parameters, "limit": page.limit, "offset": page.offset})
    )
    total = int(counted[0][0])
    page.check(total)
    return total, found
