"""Morocco: Labour Code (Law 65-99, dahir 1-03-194 of 11 September 2003, in force since 8 June 2004)."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Final

from labour.model import Citation, OvertimeTier, Rule, RulePack, Rules

_CODE: Final = "Morocco, Labour Code (Law 65-99)"
_DECREE: Final = "Morocco, Decree 2-04-570 of 29 December 2004"

MOROCCO: Final = RulePack(
    place="MA",
    name="Morocco",
    versions=(
        Rules(
            effective_from=date(2004, 6, 8),
            effective_until=None,
            # The article bounds normal working time; more is allowed as overtime only.
            daily_limit=Rule(timedelta(hours=10), Citation(_CODE, "article 184")),
            normal_week=Rule(timedelta(hours=44), Citation(_CODE, "article 184")),
            # Written for women and minors, between two days of work that includes the night; planned for everybody.
            rest_between_days=Rule(timedelta(hours=11), Citation(_CODE, "article 174")),
            weekly_rest=Rule(timedelta(hours=24), Citation(_CODE, "article 205")),
            break_after=None,
            night=Rule((time(21), time(6)), Citation(_CODE, "article 172")),
            overtime=Rule(
                OvertimeTier(
                    by_day=Decimal("1.25"),
                    by_night=Decimal("1.50"),
                    by_day_on_rest_day=Decimal("1.50"),
                    by_night_on_rest_day=Decimal("2.00"),
                ),
                Citation(_CODE, "article 201"),
            ),
            # A hundred where the work requires it. No article is named: secondary sources tell of the limits, and the
            # decree's own text was not compared.
            yearly_overtime_limit=Rule(timedelta(hours=80), Citation(_DECREE, "on exceptional increases of work")),
            minimum_age=Rule(15, Citation(_CODE, "article 143")),
        ),
    ),
)
