"""The schemas of the contract as clients and their generators want them."""

from collections.abc import Iterator, Mapping
from typing import Any

Schemas = dict[str, Any]
_PREFIX = "#/components/schemas/"


def order_examples(schemas: Schemas) -> None:
    """pydantic sorts the members of examples by name; people expect them as in the schema."""
    for schema in schemas.values():
        order = list(schema.get("properties", ()))
        if "examples" in schema and order:
            schema["examples"] = [
                {name: example[name] for name in order if name in example}
                for example in schema["examples"]
            ]


def show_pages(schemas: Schemas) -> None:
    """A page has the example of its items, where they have one and it has none of its own."""
    for schema in schemas.values():
        members = schema.get("properties", {})
        item = members.get("items", {}).get("items", {}).get("$ref", "").removeprefix(_PREFIX)
        if "next_cursor" in members and "examples" in schemas.get(item, {}):
            page = {"next_cursor": None, "items": schemas[item]["examples"]}
            schema.setdefault("examples", [{name: page[name] for name in members if name in page}])


def open_answers(paths: Mapping[str, Any], schemas: Schemas) -> None:
    """What is in an answer may grow without breaking a client that holds it against its schema.

    What is in requests alone stays closed; of what is in both, the service refuses unknown members
    all the same.
    """
    answers = [
        operation["responses"] for operations in paths.values() for operation in operations.values()
    ]
    reached: set[str] = set()
    found = set(_references(answers))
    while found:
        reached |= found
        found = set(_references([schemas[name] for name in found])) - reached
    for name in reached:
        schemas[name].pop("additionalProperties", None)


def without_null(schema: Schemas) -> Schemas:
    """The schema of a parameter, which is left out and never null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return kinds[0] | {name: value for name, value in schema.items() if name != "anyOf"}


def _references(part: Any) -> Iterator[str]:
    """Names of the schemas that a part of the document refers to."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name == "$ref" and isinstance(value, str) and value.startswith(_PREFIX):
                yield value.removeprefix(_PREFIX)
            elif name == "mapping":
                yield from (each.removeprefix(_PREFIX) for each in value.values())
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
