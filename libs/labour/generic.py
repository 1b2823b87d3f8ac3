"""No particular place: the minimum standards of the European Working Time Directive, which many places go by."""

from datetime import date, time, timedelta
from typing import Final

from labour.model import Citation, Rule, RulePack, Rules

_DIRECTIVE: Final = "Directive 2003/88/EC"

GENERIC: Final = RulePack(
    place="ZZ",
    name="Generic",
    versions=(
        Rules(
            effective_from=date(2004, 8, 2),
            effective_until=None,
            # What eleven hours of rest leave of a day.
            daily_limit=Rule(timedelta(hours=13), Citation(_DIRECTIVE, "article 3")),
            normal_week=Rule(timedelta(hours=48), Citation(_DIRECTIVE, "article 6")),
            rest_between_days=Rule(timedelta(hours=11), Citation(_DIRECTIVE, "article 3")),
            weekly_rest=Rule(timedelta(hours=24), Citation(_DIRECTIVE, "article 5")),
            break_after=Rule(timedelta(hours=6), Citation(_DIRECTIVE, "article 4")),
            # A night is a period of at least seven hours that includes midnight to five.
            night=Rule((time(23), time(6)), Citation(_DIRECTIVE, "article 2")),
            overtime=None,
            yearly_overtime_limit=None,
            minimum_age=Rule(15, Citation("Directive 94/33/EC", "article 1")),
        ),
    ),
)
