"""The pages that a report is set on: letters, distances, and the side from which a language is written."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import fontpkg_ibm_plex_sans_arabic  # type: ignore[import-untyped]  # ships no types
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

FONT: Final = "plex"
_FONT_FILES: Final = Path(fontpkg_ibm_plex_sans_arabic.ROOT) / "files"
_GREY: Final = (95, 99, 104)
_SHADE: Final = (236, 239, 241)


class Sheet(FPDF):
    """An A4 page with the report's letters and distances, set from the side where its language begins."""

    def __init__(self, texts: Mapping[str, str], *, right_to_left: bool) -> None:
        super().__init__(format="A4")
        self._texts = texts
        self._right_to_left = right_to_left
        self._side = "R" if right_to_left else "L"
        self.add_font(FONT, "", _FONT_FILES / "IBMPlexSansArabic-Regular.ttf")
        self.add_font(FONT, "B", _FONT_FILES / "IBMPlexSansArabic-Bold.ttf")
        self.set_text_shaping(True)
        self.set_margin(18)
        self.set_auto_page_break(True, margin=18)
        self.add_page()

    def footer(self) -> None:
        """The page's number."""
        self.set_y(-14)
        self._letters(8, colour=_GREY)
        self.cell(0, 6, f"{self._texts['page']} {self.page_no()}", align="C")

    def heading(self, name: str, under: str) -> None:
        """The person's name over a line of small print."""
        self._letters(20, bold=True)
        self._line(10, name)
        self._letters(9, colour=_GREY)
        self._line(6, under)
        self.ln(4)

    def section(self, title: str) -> None:
        """The title of what follows."""
        self.ln(5)
        self._letters(13, bold=True)
        self._line(9, title)

    def pairs(self, facts: Iterable[tuple[str, str]]) -> None:
        """Facts with their names."""
        self._table([(name, value) for name, value in facts], widths=(1, 3), headings=False)

    def rows(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table, or a word that there is nothing."""
        if not rows:
            self._letters(10, colour=_GREY)
            self._line(7, self._texts["none"])
            return
        widths = (3, *[1.4] * (len(headings) - 1)) if len(rows) > 1 or len(headings) < 5 else tuple([1] * len(headings))
        self._table([headings, *rows], widths=widths, headings=True)

    def _table(self, rows: Sequence[Sequence[str]], *, widths: Sequence[float], headings: bool) -> None:
        self._letters(10)
        with self.table(
            col_widths=self._ordered(widths),
            text_align=[self._side] * len(widths),
            borders_layout="HORIZONTAL_LINES",
            first_row_as_headings=headings,
            headings_style=FontFace(emphasis="BOLD", fill_color=_SHADE),
            line_height=6,
            padding=1,
        ) as table:
            for cells in rows:
                row = table.row()
                for cell in self._ordered(cells):
                    row.cell(cell)

    def _ordered(self, cells: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(reversed(cells)) if self._right_to_left else tuple(cells)

    def _line(self, height: float, text: str) -> None:
        self.multi_cell(0, height, text, align=self._side, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _letters(self, size: float, *, bold: bool = False, colour: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
