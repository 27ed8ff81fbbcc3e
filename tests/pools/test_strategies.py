"""Load strategies: which rows a sample has, what an index is for, and that nothing given is ignored."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pools.definition import read_pool
from pools.enums import SampleMethod
from pools.loading import load
from pools.sampling import Sampling
from sdg_project.errors import Invalid

ROWS = "".join(f"{number},{number % 7}\n" for number in range(5_000))
NUMBERS = f"number,kind\n{ROWS}"


def sampling(method: str = "RESERVOIR", **given: Any) -> Sampling:
    asked = {"size": None, "rate": None, "seed": None, "pool": "p", "column": None} | given
    return Sampling(method=SampleMethod(method), **asked)


def sampled(load_file: Any, **properties: Any) -> Any:
    return load_file(NUMBERS, loadStrategy="SAMPLED", **properties)


def test_the_same_source_gives_the_same_sample_in_the_source_s_order(load_file: Any) -> None:
    first, second = (sampled(load_file, sampleSize=100) for _ in range(2))

    numbers = first.records["number"]
    assert first.records.equals(second.records)
    assert (len(numbers), numbers.n_unique(), numbers.is_sorted()) == (100, 100, True)
    assert first.source_row_count == 5_000


def test_another_seed_draws_other_rows(load_file: Any) -> None:
    one, two, again = (sampled(load_file, sampleSize=100, sampleSeed=seed) for seed in (1, 2, 1))

    assert one.records.equals(again.records)
    assert not one.records.equals(two.records)


def test_every_format_gives_the_same_sample(load_file: Any, tmp_path: Path) -> None:
    table = pl.read_csv(NUMBERS.encode())
    table.write_parquet(tmp_path / "source.parquet", row_group_size=900)

    csv = sampled(load_file, sampleSize=300)
    parquet = load_file(
        (tmp_path / "source.parquet").read_bytes(), name="x.parquet", loadStrategy="SAMPLED", sampleSize=300
    )
    lines = load_file(table.write_ndjson(), name="x.jsonl", loadStrategy="SAMPLED", sampleSize=300)
    inline = load(
        read_pool(
            {
                "name": "things",
                "source": {"type": "INLINE", "rows": table.to_dicts()},
                "loadStrategy": "SAMPLED",
                "sampleSize": 300,
            }
        ),
        base=tmp_path,
    )

    assert csv.records.height == 300
    for other in (parquet, lines, inline):
        assert other.records.equals(csv.records)
        assert other.source_row_count == 5_000


def test_every_row_is_as_likely_as_any_other() -> None:
    # Each row is taken Binomial(400, 1/10) times; beyond 5.5 standard deviations in 1 of 50,000 runs of 1,000 rows.
    counts = np.zeros(1_000)
    for seed in range(400):
        counts[sampling(size=100, seed=seed).rows(1_000)] += 1

    assert np.abs(counts - 40).max() < 5.5 * np.sqrt(400 * 0.1 * 0.9)


def test_a_sample_of_many_rows_is_that_of_their_smallest_words(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sampling(size=50).rows(10_000)

    monkeypatch.setattr("pools.sampling._CHUNK", 999)

    assert sampling(size=50).rows(10_000).tolist() == whole.tolist()


@pytest.mark.parametrize(("rate", "rows"), [(0.01, 50), (0.00001, 1), (1, 5_000)])
def test_a_rate_keeps_its_share_and_at_least_one_row(load_file: Any, rate: float, rows: int) -> None:
    assert sampled(load_file, sampleRate=rate).records.height == rows


def test_a_source_with_fewer_rows_is_kept_whole_and_that_is_told_where_a_size_is(load_file: Any) -> None:
    loaded = load_file("number\n2\n1\n", loadStrategy="SAMPLED")
    asked_for_more = load_file("number\n2\n1\n", loadStrategy="SAMPLED", sampleSize=3)
    asked_for_all = load_file("number\n2\n1\n", loadStrategy="SAMPLED", sampleSize=2)

    assert loaded.records.rows() == asked_for_more.records.rows() == [(2,), (1,)]
    assert asked_for_more.notes[1:] == ["the source has 2 rows, fewer than sampleSize (3): all of them are kept"]
    assert loaded.notes == asked_for_all.notes == asked_for_more.notes[:1]


def test_the_first_rows_are_the_first_ones(load_file: Any) -> None:
    loaded = sampled(load_file, method="FIRST", sampleSize=3)

    assert loaded.records["number"].to_list() == [0, 1, 2]


def test_a_stratified_sample_has_each_value_with_its_share(load_file: Any) -> None:
    kinds = ["common"] * 900 + ["rare"] * 99 + ["once"] + [""] * 100
    text = "kind,number\n" + "".join(f"{kind},{number}\n" for number, kind in enumerate(kinds))

    loaded = load_file(text, loadStrategy="SAMPLED", method="STRATIFIED", stratifyColumn="kind", sampleSize=110)

    found = Counter(loaded.records["kind"].to_list())
    assert sum(found.values()) == 110
    assert found["once"] == 1
    assert found["common"] == 88  # 1 + 106 * 899 / 1,096 by the largest remainder
    assert {found["rare"], found[None]} == {10, 11}
    assert loaded.records["number"].is_sorted()


def test_more_values_than_a_sample_has_rows_are_refused(load_file: Any) -> None:
    with pytest.raises(Invalid, match=r"/stratifyColumn.*7 values, and the sample only 5 rows"):
        sampled(load_file, method="STRATIFIED", stratifyColumn="kind", sampleSize=5)


def test_only_the_sample_counts_against_the_limits(load_file: Any) -> None:
    assert sampled(load_file, sampleSize=10, limits={"maxRows": 10, "maxBytes": 1_000}).records.height == 10
    with pytest.raises(Invalid, match="the pool may hold 10"):
        sampled(load_file, sampleSize=11, limits={"maxRows": 10})


def test_faults_in_a_sample_name_the_line_of_the_source(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_file(
            "number\n" + "x\n" * 50,
            columns=[{"name": "number", "type": "LONG"}],
            loadStrategy="SAMPLED",
            method="FIRST",
            sampleSize=1,
        )
    assert 'line 2 has "x"' in error.value.issues[0].message


@pytest.mark.parametrize(
    ("properties", "issues"),
    [
        ({"sampleSize": 5}, [("PROPERTY_NOT_ALLOWED", "/sampleSize")]),
        ({"indexColumns": ["a"]}, [("PROPERTY_NOT_ALLOWED", "/indexColumns")]),
        ({"loadStrategy": "SAMPLED", "indexColumns": ["a"]}, [("PROPERTY_NOT_ALLOWED", "/indexColumns")]),
        ({"loadStrategy": "INDEXED"}, [("MISSING_PARAM", "/indexColumns")]),
        ({"loadStrategy": "INDEXED", "indexColumns": ["a", "a"]}, [("DUPLICATE_VALUE", "/indexColumns/1")]),
        ({"loadStrategy": "INDEXED", "indexColumns": ["a"], "lazy": True}, [("PROPERTY_NOT_ALLOWED", "/lazy")]),
        (
            {"loadStrategy": "INDEXED", "indexColumns": ["a"], "sampleSize": 1, "method": "FIRST"},
            [("PROPERTY_NOT_ALLOWED", "/sampleSize"), ("PROPERTY_NOT_ALLOWED", "/method")],
        ),
        ({"loadStrategy": "SAMPLED", "sampleSize": 1, "sampleRate": 0.5}, [("PROPERTY_NOT_ALLOWED", "/sampleRate")]),
        ({"loadStrategy": "SAMPLED", "method": "STRATIFIED"}, [("MISSING_PARAM", "/stratifyColumn")]),
        ({"loadStrategy": "SAMPLED", "stratifyColumn": "a"}, [("PROPERTY_NOT_ALLOWED", "/stratifyColumn")]),
        (
            {"loadStrategy": "SAMPLED", "method": "FIRST", "sampleSeed": 1},
            [("PROPERTY_NOT_ALLOWED", "/sampleSeed")],
        ),
        ({"loadStrategy": "SAMPLED", "method": "STRATIFIED", "stratifyColumn": "z"}, [("COLUMN_NOT_FOUND", "")]),
        ({"loadStrategy": "INDEXED", "indexColumns": ["z"]}, [("COLUMN_NOT_FOUND", "/indexColumns/0")]),
        ({"loadStrategy": "INDEXED", "indexColumns": ["b"]}, [("TYPE_MISMATCH", "/indexColumns/0")]),
        ({"refresh": {"mode": "INTERVAL"}}, [("MISSING_PARAM", "/refresh/intervalSeconds")]),
        ({"refresh": {"intervalSeconds": 5}}, [("PROPERTY_NOT_ALLOWED", "/refresh/intervalSeconds")]),
    ],
)
def test_what_does_not_apply_is_refused(
    load_file: Any, properties: dict[str, Any], issues: list[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as error:
        load_file("a,b\n" + "x,1.5\n" * 20_000, **properties)

    found = [(issue.code, issue.path) for issue in error.value.issues]
    assert [(code, path if path else found[0][1]) for code, path in issues] == found


def test_an_interval_is_refused_for_rows_that_are_always_the_same() -> None:
    with pytest.raises(Invalid, match="INTERVAL does not apply to a source of type INLINE"):
        read_pool(
            {
                "name": "x",
                "source": {"type": "INLINE", "rows": []},
                "refresh": {"mode": "INTERVAL", "intervalSeconds": 5},
            }
        )
