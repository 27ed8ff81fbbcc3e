"""The process's memory: keep what is freed, because the next batch needs as much again."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP = 256 * 2**20


def keep_freed_memory() -> None:
    """Tell glibc not to give freed arrays back to the kernel.

    By default an array above 128 KiB is mapped and unmapped each time, so that every page of every temporary is
    faulted in anew: six times slower for the arithmetic of a batch. Does nothing where the C library is another.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _KEEP)
        library.mallopt(_M_TRIM_THRESHOLD, _KEEP)
        library.mallopt(_M_TOP_PAD, 16 * 2**20)
