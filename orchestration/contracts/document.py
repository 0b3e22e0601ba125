"""A contract's text as YAML, of which every place has a line and a key that is there twice is not passed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document:
    """A YAML document: its content as Python has it, the keys that are there twice, and the line of each place."""

    def __init__(self, text: str) -> None:
        """Read a text.

        Raises:
            yaml.YAMLError: it is not one YAML document.
        """
        loader = _LOADER(text)
        try:
            self._root = loader.get_single_node()
            self.content: Any = loader.construct_document(self._root) if self._root else None
        except ValueError as error:  # of a day such as 2026-02-30
            raise yaml.YAMLError(str(error)) from error
        finally:
            loader.dispose()

    def repeated_keys(self) -> Iterator[tuple[int, str]]:
        """Line and name of each key that its mapping has above already; YAML would keep the last in silence."""
        seen: set[int] = set()
        waiting = [self._root] if self._root else []
        while waiting:
            node = waiting.pop()
            if id(node) in seen:  # an anchor, met again
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                yield from _repeated(node)
                waiting += [value for _, value in node.value]
            elif isinstance(node, yaml.SequenceNode):
                waiting += node.value

    def line(self, place: str) -> int:
        """The line of a place such as `schema.0.properties.amount.values`, or of as much of it as there is.

        An entry of a list goes by its number, its `name` or its `property`; a custom property by its name alone.
        """
        node = self._root
        line = 1
        for part in place.partition(" ")[0].split("."):
            found = _child(node, part) or _child(_child(node, "customProperties"), part)
            if found is None:
                break
            node = found
            line = node.start_mark.line + 1
        return line


def _repeated(node: yaml.MappingNode) -> Iterator[tuple[int, str]]:
    names: set[tuple[str, str]] = set()
    for key, _ in node.value:
        name = (key.tag, str(key.value))
        if name in names:
            yield key.start_mark.line + 1, str(key.value)
        names.add(name)


def _child(node: yaml.Node | None, part: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in reversed(node.value) if key.value == part), None)
    if isinstance(node, yaml.SequenceNode):
        if part.isdigit():
            return node.value[int(part)] if int(part) < len(node.value) else None
        return next((item for item in node.value if _name(item) == part), None)
    return None


def _name(item: yaml.Node) -> str | None:
    named = _child(item, "name") or _child(item, "property")
    return str(named.value) if isinstance(named, yaml.ScalarNode) else None
