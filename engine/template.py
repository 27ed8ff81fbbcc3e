"""Text templates with ``${name}`` holes, filled once or for a whole column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

_HOLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[^{}]*)\}|(?P<bad>\{[^}]*\Z))")


@dataclass(frozen=True, slots=True)
class Template:
    """Literal texts around named holes; ``$$`` is a dollar sign, a ``$`` before anything but ``{`` is itself."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template; raises ValueError with the position of what cannot be read."""
        literals, names, literal, end = [], [], "", 0
        for match in _HOLE.finditer(text):
            literal += text[end : match.start()]
            end = match.end()
            if match["dollar"]:
                literal += "$"
            elif match["name"]:
                literals.append(literal)
                names.append(match["name"])
                literal = ""
            else:
                problem = "is not closed by }" if match["bad"] else "has no name"
                raise ValueError(f'"${{" at character {match.start() + 1} {problem}; write $$ for a dollar sign')
        return cls((*literals, literal + text[end:]), tuple(names))

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with every hole filled."""
        holes = [values[name] for name in self.names]
        return "".join(text for pair in zip(self.literals, [*holes, ""], strict=True) for text in pair)

    def fill_columns(self, columns: Mapping[str, pl.Series], count: int) -> pl.Series:
        """The text of each of `count` records; null where a hole is null."""
        parts: list[pl.Expr] = [pl.lit(self.literals[0])]
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            parts += [pl.lit(columns[name].cast(pl.String)), pl.lit(literal)]
        if not self.names:
            return pl.Series([self.literals[0]], dtype=pl.String).new_from_index(0, count)
        return pl.select(pl.concat_str(parts)).to_series()
