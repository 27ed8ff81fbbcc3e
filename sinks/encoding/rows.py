"""Rows: literals and columns of values, put one behind the other for every record at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

TextPiece = str | pl.Series
"""A literal that stands in every row, or a String column without nulls: one text a row."""
BytesPiece = bytes | pl.Series
"""A literal that stands in every row, or a Binary column without nulls."""


def text_rows(pieces: Iterable[TextPiece], height: int) -> pl.Series:
    """The texts of the rows: shape ``(height,)``, String."""
    # One pl.format takes about half the time of concat_str, which has a column for each literal.
    template: list[str] = []
    columns: list[pl.Series] = []
    for piece in pieces:
        if isinstance(piece, str):
            template.append(piece.replace("{", "{{").replace("}", "}}"))
        else:
            template.append("{}")
            columns.append(_without_nulls(piece))
    if not columns:
        return pl.Series(["".join(template).replace("{{", "{").replace("}}", "}")]).new_from_index(0, height)
    return pl.select(pl.format("".join(template), *columns)).to_series()


def bytes_rows(pieces: Iterable[BytesPiece], height: int) -> pl.Series:
    """The bytes of the rows: shape ``(height,)``, Binary."""
    folded: list[BytesPiece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and folded and isinstance(folded[-1], bytes):
            folded[-1] += piece
        else:
            folded.append(piece)
    if folded and all(isinstance(piece, bytes) for piece in folded):
        return pl.Series(folded, dtype=pl.Binary).new_from_index(0, height)
    return _joined(folded)


def flat_bytes(values: pl.Series) -> NDArray[np.uint8]:
    """All bytes of a String or Binary column, one value behind the other; nulls have none."""
    lists = values.cast(pl.Binary).cast(pl.List(pl.UInt8))
    return lists.explode(empty_as_null=False, keep_nulls=False).to_numpy()


def texts_of_matrix(characters: NDArray[np.uint8]) -> pl.Series:
    """Texts of one width from their ASCII codes: shape ``(n, width)`` to ``(n,)``, String."""
    return binary_of_matrix(characters).cast(pl.String)


def binary_of_matrix(matrix: NDArray[np.uint8]) -> pl.Series:
    """Values of one width from their bytes: shape ``(n, width)`` to ``(n,)``, Binary."""
    return pl.Series(matrix).cast(pl.List(pl.UInt8)).cast(pl.Binary)


def with_nulls_of(values: pl.Series, texts: pl.Series) -> pl.Series:
    """The texts, null where the values are."""
    if not values.null_count():
        return texts
    return pl.select(pl.when(values.is_not_null()).then(texts)).to_series()


def _joined(pieces: Sequence[BytesPiece]) -> pl.Series:
    """The pieces by halves, so that no byte is copied more often than the logarithm of their number."""
    if len(pieces) == 1:
        [piece] = pieces
        return pl.Series([piece]) if isinstance(piece, bytes) else _without_nulls(piece)
    middle = len(pieces) // 2
    return _joined(pieces[:middle]) + _joined(pieces[middle:])


def _without_nulls(piece: pl.Series) -> pl.Series:
    if piece.null_count():  # a null would take its whole row with it
        raise ValueError(f"{piece.name or 'a column'} has {piece.null_count()} nulls that were given no text")
    return piece
