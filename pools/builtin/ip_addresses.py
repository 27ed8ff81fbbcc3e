"""ip-addresses: addresses that documents and examples may show, as they lead nowhere."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import polars as pl

from pools.builtin.base import BuiltinPool, builtin_pools
from pools.builtin.seeded import Draws, taken

_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_SIX = 238


@builtin_pools.register("ip-addresses")
class IpAddresses(BuiltinPool):
    """Every host of the three networks of RFC 5737, and some of 2001:db8::/32 (RFC 3849), in a mixed order.

    A few are seen most of the time: the weights fall from 1,000 by the place in that order.
    """

    description: ClassVar[str] = "IP addresses, of versions 4 and 6, of the ranges for documentation"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "9d346b16a3d249a8c3c27b0bac3d0416"

    @classmethod
    def records(cls) -> pl.DataFrame:
        draws = Draws(cls.kind, 254 * len(_NETWORKS) + _SIX)
        networks = [f"{network}.0/24" for network in _NETWORKS for _ in range(254)]
        addresses = [f"{network}.{host}" for network in _NETWORKS for host in range(1, 255)]
        # The parts are drawn for all rows, of which the last ones are of version 6.
        first, second = (draws.below(purpose, 2**16)[-_SIX:].tolist() for purpose in ("network", "host"))
        sixes = zip(first, second, range(1, _SIX + 1), strict=True)
        addresses += [f"2001:db8:{network:x}::{host:x}:{number:x}" for network, host, number in sixes]
        networks += ["2001:db8::/32"] * _SIX
        order = draws.mixed("order")
        return pl.DataFrame(
            {
                "address": taken(addresses, order),
                "version": pl.Series([4] * 254 * len(_NETWORKS) + [6] * _SIX, dtype=pl.Int64).gather(order),
                "network": taken(networks, order),
                "weight": 20_000 // (20 + np.arange(len(addresses), dtype=np.int64)),
            }
        )
