"""sensors: devices of the models in `device-models`, at sites on the map."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import polars as pl

from pools.builtin.base import BuiltinPool, builtin_pools, data_lines
from pools.builtin.seeded import Draws, taken

COUNT = 500

_SITES = (
    ("Plant Hamburg", 53.541, 9.984), ("Plant Leipzig", 51.392, 12.391), ("Warehouse Poznań", 52.372, 16.879),
    ("Office Madrid", 40.447, -3.692), ("Office Lyon", 45.761, 4.859), ("Greenhouse Almería", 36.776, -2.721),
    ("Vineyard Bordeaux", 44.831, -0.352), ("Harbour Bristol", 51.501, -2.701), ("Campus Leeds", 53.806, -1.555),
    ("Reservoir Sheffield", 53.401, -1.702),
)  # fmt: skip
_FIRMWARE = {"4.2.1": 40.0, "4.2.0": 22.0, "4.1.7": 18.0, "4.0.3": 9.0, "3.9.12": 7.0, "3.5.0": 4.0}
_FIRST_DAY, _DAYS = 18_628, 1_800  # 2021-01-01 and almost five years


@builtin_pools.register("sensors")
class Sensors(BuiltinPool):
    """The models come by their weights; a sensor stands within some hundred metres of the middle of its site."""

    description: ClassVar[str] = "sensors with model, site, coordinates and firmware, all invented"
    content_hash: ClassVar[str] = "92d4f16ab8e95e5b5739d78fe05b8258"

    @classmethod
    def records(cls) -> pl.DataFrame:
        draws = Draws(cls.kind, COUNT)
        models = data_lines("device_models.csv")
        model = draws.places("model", [float(line[8]) for line in models])
        site = draws.below("site", len(_SITES))
        thousandths = [draws.peaked(purpose, 6) for purpose in ("north", "east")]
        latitudes, longitudes = (
            np.round(np.array([one[axis + 1] for one in _SITES])[site] + shift / 1000, 3)
            for axis, shift in enumerate(thousandths)
        )
        numbers = pl.Series(np.arange(1, COUNT + 1, dtype=np.int64))
        return pl.DataFrame(
            {
                "id": numbers,
                "sensorId": "SEN-" + numbers.cast(pl.String).str.pad_start(5, "0"),
                "serialNumber": draws.filled("serial", pl.Series(["@@####-####"]).new_from_index(0, COUNT)),
                "model": taken([line[0] for line in models], model),
                "manufacturer": taken([line[1] for line in models], model),
                "kind": taken([line[2] for line in models], model),
                "unit": taken([line[3] for line in models], model).replace("", None),
                "power": taken([line[7] for line in models], model),
                "firmware": taken(list(_FIRMWARE), draws.places("firmware", list(_FIRMWARE.values()))),
                "site": taken([one[0] for one in _SITES], site),
                "latitude": latitudes,
                "longitude": longitudes,
                "installedOn": pl.Series((_FIRST_DAY + draws.below("installed", _DAYS)).astype(np.int32)).cast(pl.Date),
            }
        )
