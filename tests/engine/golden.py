"""Golden values: what a seed makes, for all time.

Values that change are another recipe: old runs can no longer be repeated. When that is meant, write the files anew with
``python -m tests.engine.golden`` and say in the commit which values change and why. Nothing else writes them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from engine.arrivals import Arrival, Even, Jitter, Poisson
from engine.choice import WeightedChoice, weight_tables
from engine.declared import OutOfBounds
from engine.distributions import Distribution
from engine.permutation import Permutation
from engine.ranges import Continuum, Lattice
from engine.samplers import build_tables, sampler
from engine.span import Span
from engine.stream import Source
from engine.timetable import Timetable
from tests.engine.rate_curves import CURVES

FOLDER = Path(__file__).with_name("golden")
STREAMS: tuple[tuple[int | str, str, str, str, int], ...] = (
    (0, "orders", "amount", "value", 0),
    (1, "orders", "amount", "value", 0),
    (2**53 - 1, "orders", "amount", "value", 0),
    (1, "orders", "amount", "null", 0),
    (1, "orders", "amount", "value", 1),
    (1, "orders", "address.city", "value", 0),
    (1, "Köln", "größe", "value", 0),
    (1, "", "", "", 0),
)
PLACES = (0, 1, 2, 3, 2**32 - 1, 2**32, 2**53, 10**12)
DISTRIBUTIONS: tuple[dict[str, Any], ...] = (
    {"type": "UNIFORM"},
    {"type": "NORMAL", "mean": 42, "stdDev": 15},
    {"type": "LOGNORMAL", "median": 40, "sigma": 0.8},
    {"type": "EXPONENTIAL", "mean": 30},
    {"type": "TRIANGULAR", "mode": 30},
    {"type": "BETA", "alpha": 2, "beta": 5},
    {"type": "GAMMA", "shape": 2, "scaleParam": 9},
    {"type": "PARETO", "alpha": 1.5},
    {"type": "ZIPF"},
    {"type": "POISSON", "lambda": 3.5},
    {"type": "BINOMIAL", "n": 100, "p": 0.3},
    {"type": "GEOMETRIC", "p": 0.2},
    {"type": "HISTOGRAM", "bins": [{"from": 1, "to": 10, "weight": 3}, {"from": 20, "to": 100, "weight": 1}]},
)
WHOLE, REAL = Lattice(Decimal(1), Decimal(1), 100), Continuum(1.0, 100.0)
SPAN = Span(10**9, 8)


def streams() -> list[dict[str, Any]]:
    """Keys, increments and words of streams; 64-bit numbers in hexadecimal."""
    made = []
    for seed, stream_name, path, purpose, lane in STREAMS:
        stream = Source(seed, stream_name, path).stream(purpose, lane)
        words = stream.words_at(np.array(PLACES, np.uint64))
        source = {"seed": seed, "streamName": stream_name, "path": path, "purpose": purpose, "lane": lane}
        key = {"key": f"{stream.key:016x}", "increment": f"{stream.increment:016x}"}
        made.append({**source, **key, "words": {str(i): f"{w:016x}" for i, w in zip(PLACES, words, strict=True)}})
    return made


def permutations() -> list[dict[str, Any]]:
    """Images of the first elements."""
    made = []
    for n in (1, 2, 7, 1_000, 10**6, 2**40, 2**62):
        elements = np.arange(min(n, 8), dtype=np.uint64)
        permutation = Permutation(Source(1, "orders", "id").stream("value"), n)
        images = {"plain": permutation(elements), "tweaked": permutation(elements, elements * np.uint64(3))}
        made.append({"n": n, **{name: [str(image) for image in of] for name, of in images.items()}})
    return made


def draws() -> list[dict[str, Any]]:
    """Draws of weighted choices and of distributions."""
    source = Source(1, "orders", "amount")
    words = [source.stream("value", lane).words(SPAN) for lane in (0, 1)]
    made: list[dict[str, Any]] = []
    for n in (2, 16, 17, 1_000):
        choice = WeightedChoice(weight_tables(np.arange(1.0, n + 1.0)))
        made.append({"weights": f"1 .. {n}", "outcomes": choice(words[0]).tolist()})
    for declared in DISTRIBUTIONS:
        distribution = TypeAdapter[Distribution](Distribution).validate_python(declared)
        discrete = declared["type"] in {"ZIPF", "POISSON", "BINOMIAL", "GEOMETRIC"}
        for bounds in OutOfBounds:
            one = {"distribution": declared, "outOfBounds": bounds.value}
            tables = build_tables(distribution, WHOLE, bounds)
            one["offsets"] = sampler(distribution, WHOLE, tables).draw(words).tolist()
            if not discrete:
                tables = build_tables(distribution, REAL, bounds)
                one["numbers"] = sampler(distribution, REAL, tables).draw(words).tolist()
            made.append(one)
    return made


def planned_times() -> list[dict[str, Any]]:
    """Planned times of records, in microseconds, for curves and arrivals of all forms."""
    stream = Source(1, "orders", "").stream("time")
    arrivals: dict[str, Arrival] = {"EVEN": Even(), "POISSON": Poisson(stream), "JITTER": Jitter(stream, 0.3)}
    made = []
    for arrival, places in arrivals.items():
        for name, curve in CURVES.items():
            times = {str(at): Timetable(curve, places).times(Span(at, 3)).tolist() for at in (0, 997, 10**9)}
            made.append({"curve": name, "arrival": arrival, "times": times})
    return made


FILES = {"streams.json": streams, "permutations.json": permutations, "draws.json": draws, "times.json": planned_times}

if __name__ == "__main__":
    for name, make in FILES.items():
        (FOLDER / name).write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"wrote {FOLDER / name}")
