"""Categories of objects, for datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampt.errors import PromptError
from sampt.prompts.query_points import QueryPoints


def category_names(
    queries: QueryPoints, default: str | None = None, given: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Name of each object's category by its id.

    Args:
        queries: the objects.
        default: name for objects without another; by default, the object's own name, or "object 1".
        given: names by object id, which take precedence.

    Raises:
        PromptError: a name is given for an object that does not exist.
    """
    ids = {query.id for query in queries.objects}
    for id, name in (given or {}).items():
        if id not in ids:
            known = ", ".join(map(str, sorted(ids)))
            raise PromptError(f"category {id}={name}: there is no object {id}; give one of {known}")
    return {
        query.id: (given or {}).get(query.id) or default or query.name or f"object {query.id}"
        for query in queries.objects
    }


def category_ids(names: Mapping[int, str]) -> dict[int, int]:
    """Id of each object's category by the object's id: the lowest id of the objects in it."""
    lowest: dict[str, int] = {}
    for id, name in sorted(names.items()):
        lowest.setdefault(name, id)
    return {id: lowest[name] for id, name in names.items()}


def category_list(names: Mapping[int, str]) -> list[dict[str, Any]]:
    """The categories as COCO lists them."""
    by_id = {category: names[category] for category in category_ids(names).values()}
    return [{"id": id, "name": name} for id, name in sorted(by_id.items())]
