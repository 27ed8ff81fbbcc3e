"""Registries: a name → a class, filled by importing every module of a folder once, so that a new kind is one file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, TypeVar


class Kind:
    """The root of everything that is registered."""

    kind: ClassVar[str]
    """The registered name."""


T = TypeVar("T", bound=Kind)
C = TypeVar("C", bound=type[Kind])


class Registry(Mapping[str, type[T]], Generic[T]):
    """The kinds of one sort (field types, formats, …) by their registered names, in alphabetical order."""

    def __init__(self, sort: str, package: str) -> None:
        """Kinds of this sort are the modules of `package`, which are imported at the first look."""
        self._sort, self._package = sort, package
        self._kinds: dict[str, type[T]] = {}
        self._further: list[str] = []
        self._loaded = False

    def register(self, name: str) -> Callable[[C], C]:
        """A class decorator that registers the class under a name and tells the class its name as `kind`."""

        def decorate(kind: C) -> C:
            if name in self._kinds:
                raise ValueError(f"there are two kinds of {self._sort} named {name}")
            kind.kind = name
            self._kinds[name] = kind  # type: ignore[assignment]  # a C is a type[T] in every registry's own package
            return kind

        return decorate

    def __getitem__(self, name: str) -> type[T]:
        self._load()
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._kinds))

    def __len__(self) -> int:
        self._load()
        return len(self._kinds)

    def add_module(self, name: str) -> None:
        """Let a module outside of the package, which registers kinds, be imported at the first look, too."""
        self._further.append(name)
        self._loaded = False

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # a module that is imported here may look into the registry
        try:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__, f"{self._package}."):
                importlib.import_module(module.name)
            for name in self._further:
                importlib.import_module(name)
        except BaseException:
            self._loaded = False
            raise
