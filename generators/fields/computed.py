"""COMPUTED: a formula of other fields, as in a spreadsheet."""

from __future__ import annotations

from generators.fields.base import field_types
from generators.values.formula_field import FormulaField


@field_types.register("COMPUTED")
class Computed(FormulaField):
    """A formula of fields of the same record."""

    rank = 6
