"""Records to a server of the Redis protocol, as a person writes them: a connection, a run, a second one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.redis import OwnServer
from tests.support.sdg import Sdg

PASSWORD = "canary-8d1f-secret"
DEFINITION = """
name: cache
recordCount: 3000
seed: 4
fieldMappings:
  - {fieldName: id, type: SEQUENCE, params: {start: 1}}
  - {fieldName: token, type: UUID_GENERATED}
destination:
  type: DRAGONFLY
  connection: cache
  config: {keyTemplate: "order:${id}", dataType: HASH}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with OwnServer() as running:
        running.ask("ACL", "SETUSER", "sdg", "on", f">{PASSWORD}", "~order:*", "~sdg:ck:*", "+@all")
        yield running


def test_a_run_writes_over_a_stored_connection_once(sdg: Sdg, server: OwnServer) -> None:
    (sdg.folder / "cache.yaml").write_text(DEFINITION)
    words = ("--type", "dragonfly", "--host", "127.0.0.1", "--port", str(server.port), "--database", "0")

    added = sdg("connection", "add", "cache", *words, "--user", "sdg", "--secret-env", "P", P=PASSWORD)
    tested = sdg("connection", "test", "cache")
    run = sdg("run", "cache.yaml", "--json")
    held = server.ask("DBSIZE")
    again = sdg("run", "cache.yaml")
    replaced = sdg("run", "cache.yaml", "--set", "destination.config.beforeRun=REPLACE", "--set", "recordCount=7")

    assert added.code == 0, added.err
    assert tested.code == 0, tested.err
    assert (run.code, run.json["recordsWritten"], run.json["deliveryGuarantee"]) == (0, 3000, "EXACTLY_ONCE")
    assert held == 3000 + 3  # the checkpoint, the mark of the run, that of its owner
    assert again.code == 2
    assert "RERUN_WOULD_COLLIDE" in again.err
    assert replaced.code == 0, replaced.err
    assert server.ask("EXISTS", *(f"order:{number}" for number in range(1, 3001))) == 7
    assert not any(PASSWORD in text for one in (added, tested, run, again, replaced) for text in (one.out, one.err))


def test_a_server_that_is_away_is_told_from_what_is_wrong(sdg: Sdg, server: OwnServer) -> None:
    text = DEFINITION.replace("  connection: cache\n", "").replace("{keyT", "{host: 127.0.0.1, port: PORT, keyT")
    (sdg.folder / "away.yaml").write_text(text.replace("PORT", "1"))
    (sdg.folder / "many.yaml").write_text(
        text.replace("PORT", str(server.port)).replace("HASH", "STREAM") + "shards: 2\n"
    )

    away, many = sdg("run", "away.yaml"), sdg("run", "many.yaml")

    assert away.code == 3
    assert "DEST_UNAVAILABLE" in away.err
    assert many.code == 2
    assert "STREAM" in many.err
