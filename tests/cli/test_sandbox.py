"""`sdg sandbox` as a person uses it."""

from __future__ import annotations

import signal

from tests.support.sdg import Sdg


def test_a_sandbox_is_a_stored_connection_until_it_is_ended(sdg: Sdg) -> None:
    sandbox = sdg.start("sandbox")
    try:
        assert sandbox.stdout is not None
        said = sandbox.stdout.readline()
        tested = sdg("connection", "test", "sandbox-redis", "--json")
        listed = sdg("connection", "list", "--json")
    finally:
        sandbox.send_signal(signal.SIGINT)
        code = sandbox.wait(30)
    over = sdg("connection", "test", "sandbox-redis", "--json")

    assert said.strip() == "ready sandbox-redis"
    assert tested.json["outcome"] == "OK", tested.json
    assert listed.json["type"] == "DRAGONFLY"
    assert code == 0
    assert over.json["outcome"] == "REFUSED"
