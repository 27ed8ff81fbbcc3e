"""Runs in this process: started, carried, interrupted and carried on by the services, as the command line does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.models import Run
from generators.runs.local import Stop, carry_run
from generators.services.runs import RunOrder, start_run
from pools import services as pool_services
from pools.models import Pool

FRAME = 65_536
"""Records of a frame, where these small records are committed."""


@dataclass(frozen=True)
class Workshop:
    """Starts runs that write to a folder."""

    folder: Path

    def document(self, *mappings: Mapping[str, Any], path: str = "out.jsonl", **changes: Any) -> dict[str, Any]:
        """A small definition that writes there."""
        fields = list(mappings) or [{"fieldName": "n", "type": "SEQUENCE"}]
        destination = {"type": "FILE", "config": {"path": path}}
        return {
            "name": "orders",
            "seed": 42,
            "recordCount": 10,
            "fieldMappings": fields,
            "destination": destination,
        } | changes

    def start(self, *mappings: Mapping[str, Any], path: str = "out.jsonl", **changes: Any) -> Run:
        """A run that is ready to be carried; changes are those of the order or of the definition."""
        order = {name: changes.pop(name) for name in ("started_at", "own_pools", "overwrite") if name in changes}
        asked = RunOrder(owner=changes.pop("owner", f"owner of {path}"), root=str(self.folder), **order)
        run, _ = start_run(self.document(*mappings, path=path, **changes), asked)
        return run

    def carry(self, run: Run, *, until: int | None = None) -> Run:
        """Work on a run to its end, or until so many records are committed. It comes anew from the database."""
        run, stop = Run.objects.get(pk=run.pk), Stop()

        def look() -> None:
            # The commit that this call belongs to is counted after it: so there are records that nobody has counted.
            if until is not None and sum(shard.next_record for shard in run.shards.all()) >= until:
                stop.ask()

        carry_run(run, workers=1, stop=stop, on_progress=look)
        return run

    def make(self, *mappings: Mapping[str, Any], **changes: Any) -> Run:
        """A run, carried to its end."""
        return self.carry(self.start(*mappings, **changes))

    def content(self, path: str = "out.jsonl") -> bytes:
        return (self.folder / path).read_bytes()

    def add_pool(self, rows: str, *, name: str = "things", **properties: Any) -> Pool:
        """A stored pool from a CSV file of that name."""
        (self.folder / f"{name}.csv").write_text(rows, "utf-8")
        source = {"type": "FILE", "path": f"{name}.csv"}
        return pool_services.add_pool({"name": name, "source": source, **properties}, base=self.folder)

    def refresh_pool(self, rows: str, *, name: str = "things") -> Pool:
        """The pool with other rows."""
        (self.folder / f"{name}.csv").write_text(rows, "utf-8")
        return pool_services.refresh_pool(name)
