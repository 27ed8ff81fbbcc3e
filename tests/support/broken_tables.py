"""Writers of tables that are wrong on purpose: what is meant to find such faults must find these."""

from __future__ import annotations

from typing import Any

from sdg_project.failpoints import failpoint
from sinks.tables.shard import TableShard


class PositionsApart(TableShard):
    """Makes the rows durable before the position that belongs to them."""

    def _load(self, *arguments: Any, **options: Any) -> None:
        session = self._opened.session
        execute = session.execute

        def apart(query: Any, *rest: Any, **more: Any) -> Any:
            if "SET next_record" in str(query):
                execute("COMMIT")
                failpoint("broken.between")
                done = execute(query, *rest, **more)
                execute("BEGIN")
                return done
            return execute(query, *rest, **more)

        session.execute = apart  # type: ignore[method-assign]
        try:
            super()._load(*arguments, **options)
        finally:
            session.execute = execute  # type: ignore[method-assign]


BROKEN_TABLES: dict[str, type[TableShard]] = {kind.__name__: kind for kind in (PositionsApart,)}
