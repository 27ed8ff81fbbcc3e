"""Failpoints: what their text means, and that a failpoint counts."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from sdg_project.failpoints import failpoint, set_failpoints


@pytest.fixture(autouse=True)
def _no_failpoints_afterwards() -> Iterator[None]:
    yield
    set_failpoints("")


@pytest.mark.parametrize(("action", "number"), [("enospc", errno.ENOSPC), ("eio", errno.EIO), ("eacces", errno.EACCES)])
def test_a_failpoint_raises_the_error_it_is_told_to_once_at_the_time_it_is_told_to(action: str, number: int) -> None:
    set_failpoints(f"other=kill@9,here={action}@3")

    failpoint("here")
    failpoint("here")
    with pytest.raises(OSError) as raised:  # noqa: PT011  # its number is looked at below
        failpoint("here")
    failpoint("here")

    assert raised.value.errno == number


def test_nothing_happens_without_failpoints() -> None:
    set_failpoints("")

    failpoint("here")


@pytest.mark.parametrize("text", ["here", "here=explode", "here=kill@x", "here=kill@-1"])
def test_a_text_that_means_nothing_is_refused_with_what_would_be_accepted(text: str) -> None:
    with pytest.raises(ValueError, match=r"name=kill.*enospc.*@N"):
        set_failpoints(text)
