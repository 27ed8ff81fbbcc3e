"""The service beside the command line: the same definition, as many processes, the same machine, in turns."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from tests.support.service import Service


def bench_service(rounds: int, *, records: int = 10_000_000) -> None:
    """Records per second of a run through `sdg up` and of `sdg run`, with two processes each."""
    from tests.bench.__main__ import orders_document

    document = {**orders_document(), "recordCount": records}
    rates: dict[str, list[float]] = {"sdg run": [], "service": []}
    with tempfile.TemporaryDirectory() as folder, Service.at(Path(folder), workers=2) as service:
        path = Path(folder) / "orders.json"
        for number in range(rounds):
            named = {**document, "name": f"orders {number}"}
            path.write_text(json.dumps(named))
            done = service.sdg("run", path, "--to", "alone.jsonl", "--workers", "2", "--json", "--overwrite")
            rates["sdg run"].append(records / float(done.json["activeSeconds"]))
            config = {"path": "served.jsonl"}
            generator = service.create({**named, "destination": {"type": "FILE", "config": config}})
            service.act(generator, "start", {"beforeRun": "REPLACE"})
            ended = service.wait_for_status(generator, "COMPLETED", "FAILED", seconds=600)
            run = service.call("GET", f"/runs/{ended['runId']}").json
            rates["service"].append(records / float(run["activeSeconds"]))
            service.call("DELETE", f"/generators/{generator}")
            for one in (Path(folder) / "home" / "out").glob("served.jsonl*"):
                one.unlink()
    print(f"\n{records:,} orders to JSONL, two processes, records/s by the run's own active time")
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, rate in medians.items():
        print(f"  {name:10} {rate:>14,.0f}")
    print(f"  ratio      {medians['service'] / medians['sdg run']:>14.2f}")
