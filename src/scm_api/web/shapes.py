"""What a body may hold at some place in it, read from the models it is made of."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel

Models = Sequence[type[BaseModel]]


def models_at(annotation: Any, path: Iterable[Any]) -> Models:
    """The models that `path`, as pydantic tells where an error is, may lead to."""
    here = _models(annotation)
    for segment in path:
        inside = [
            model.model_fields[segment].annotation
            for model in here
            if segment in model.model_fields
        ]
        if inside:
            here = [model for each in inside for model in _models(each)]
        else:  # a position in a list, or the tag of a union
            here = [model for model in here if segment in _tags(model)] or here
    return here


def fields_of(models: Models) -> str:
    """The names of their fields, in the order in which they are declared."""
    return ", ".join(dict.fromkeys(name for model in models for name in model.model_fields))


def choices_of(models: Models, field: str) -> str:
    """The literal values of a field that tells models apart."""
    return ", ".join(
        str(value)
        for model in models
        if field in model.model_fields
        for value in get_args(model.model_fields[field].annotation)
    )


def example_of(models: Models, field: Any) -> str | None:
    """The first example of a field of text."""
    found = (model.model_fields[field].examples for model in models if field in model.model_fields)
    return next((each[0] for each in found if each and isinstance(each[0], str)), None)


def _models(annotation: Any) -> Models:
    """Those behind Annotated, unions and lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _tags(model: type[BaseModel]) -> set[str]:
    """The fields that tell a model from others of a union have one literal value."""
    literals = [get_args(field.annotation) for field in model.model_fields.values()]
    return {str(values[0]) for values in literals if len(values) == 1}
