"""Pools that stand in a bundle, beside the generators that use them: in memory, nothing of them is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.issues import Issue
from pools.beside import pools_beside
from pools.definition import read_pool
from pools.loading import first_snapshot, load
from pools.snapshot import Snapshot
from sdg_project.documents import Document
from sdg_project.errors import Invalid


class BundledPools(Mapping[str, Snapshot]):
    """The tables of a bundle's pools by their names, and in `issues` what is wrong with them.

    A pool that could not be loaded is among them, so that it is not said to be missing: looking at it raises Invalid.
    """

    def __init__(self, documents: Sequence[Document], *, base: Path) -> None:
        """Load pools in turn; paths of files are below `base`."""
        self.issues: tuple[Issue, ...] = ()
        self._loaded: dict[str, Snapshot | None] = {}
        with pools_beside(self):
            for document in documents:
                try:
                    definition = read_pool(document.value)
                    name = definition.shape.name
                    if name.lower() in {other.lower() for other in self._loaded}:
                        raise Invalid([Issue("DUPLICATE_VALUE", "/name", f'there are two pools "{name}"')])
                    records = load(definition, base=base).records
                except Invalid as error:
                    self._refuse(document, error.issues)
                    continue
                self._loaded[name] = first_snapshot(definition.shape, records)

    def _refuse(self, document: Document, issues: Sequence[Issue]) -> None:
        self.issues += tuple(document.placed(issues))
        name = document.value.get("name")
        if isinstance(name, str):
            self._loaded.setdefault(name, None)

    def __getitem__(self, name: str) -> Snapshot:
        snapshot = self._loaded[name]
        if snapshot is None:
            message = f'pool "{name}" stands in the bundle, but it cannot be loaded'
            raise Invalid([Issue("POOL_NOT_READY", "", message, "mend the pool first")])
        return snapshot

    def __contains__(self, name: object) -> bool:
        return name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)
