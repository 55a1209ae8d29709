"""The schemas of the contract as clients and their generators want them."""

from collections.abc import Iterator, Mapping
from typing import Any

from scm_api.web.answer_examples import ANSWERS

Schemas = dict[str, Any]
_PREFIX = "#/components/schemas/"
# Titles of types that are no models.
_PARTS = (
    *("AuditAction", "AuditSubject", "ConnectionOptions", "ConnectionSecrets", "KeyType"),
    *("MadeKeyType", "OrderOptions", "ProfileOptions"),
)
_OF_THE_PLACE = ("default", "description", "examples")
# Lists have some of these beside their items; `order_examples` leaves out what one has not.
_LIST = {"next_cursor": None, "fetched_at": "2026-11-24T09:00:00Z", "stale": False}


def show_answers(schemas: Schemas) -> None:
    """Give the schemas of answers their examples, and a page that of its items."""
    for name, answer in ANSWERS.items():
        schemas[name]["examples"] = [answer]
    for schema in schemas.values():
        members = schema.get("properties", {})
        item = members.get("items", {}).get("items", {}).get("$ref", "").removeprefix(_PREFIX)
        if item in ANSWERS:
            schema["examples"] = [_LIST | {"items": [ANSWERS[item]]}]


def order_examples(schemas: Schemas) -> None:
    """Examples have their members as the schema has, and no others; pydantic sorts them by name."""
    for schema in schemas.values():
        order = list(schema.get("properties", ()))
        if "examples" in schema and order:
            schema["examples"] = [
                {name: example[name] for name in order if name in example}
                for example in schema["examples"]
            ]


def name_parts(part: Any, schemas: Schemas) -> None:
    """Unions and enumerations that are met in several places become schemas with the name of their
    title: generators would call them by a field and a number, and by another one after a change."""
    if isinstance(part, list):
        for each in part:
            name_parts(each, schemas)
    elif isinstance(part, dict):
        for each in list(part.values()):
            name_parts(each, schemas)
        if (name := part.get("title")) in _PARTS and not part.keys().isdisjoint({"oneOf", "enum"}):
            here = {key: part.pop(key) for key in _OF_THE_PLACE if key in part}
            schemas.setdefault(name, dict(part))
            part.clear()
            part |= {"$ref": _PREFIX + name} | here


def without_object_defaults(schemas: Schemas) -> None:
    """A field that is an object has no `default` of its own: its members have theirs, and
    generators of clients leave out models with such a field."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if isinstance(field.get("default"), dict):
                del field["default"]


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
    """The schema of a parameter or body, which is left out and never null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    of_the_place = {name: value for name, value in schema.items() if name not in {"anyOf", "title"}}
    title = kinds[0].get("title", schema.get("title"))  # that of the type before that of the field
    return {**kinds[0], **of_the_place, **({"title": title} if title else {})}


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
