"""How a file is to be read, as far as somebody has said it; what is left open is found out, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pools.enums import Encoding

Chooser = Callable[[int], NDArray[np.int64]]
"""From the number of rows of a source to those of them that are kept, ascending."""
Progress = Callable[[int, int], None]
"""Is told now and then how many rows and bytes have been read."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What is None has not been said. `quote` is empty where there are no quotes."""

    encoding: Encoding | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None

    def given(self) -> list[str]:
        """The names of what has been said."""
        return [name for name in ("encoding", "delimiter", "quote", "header") if getattr(self, name) is not None]


def unseen(rows: int, bytes_: int) -> None:
    """A progress that nobody looks at."""
