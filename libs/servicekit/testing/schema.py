"""What a migrated database says about itself."""

import sqlalchemy as sa

from servicekit.db import SYSTEM, Query
from servicekit.testing.service import RunningService

_UNPROTECTED = Query(
    sa.text(
        """
        SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT (
            relrowsecurity AND relforcerowsecurity AND EXISTS (
                SELECT FROM pg_policies WHERE schemaname = 'public' AND tablename = relname
                AND qual LIKE '%mizan.restaurant_id%' AND with_check LIKE '%mizan.restaurant_id%'
            )
        )
        """
    )
)


def tables_without_tenant(service: RunningService) -> set[str]:
    """The tables of a service's database that no forced policy keeps to one restaurant."""
    rows = service.run(service.database.read(SYSTEM).all(_UNPROTECTED))
    return {row.relname for row in rows}
