"""What holds for every operation before it begins: its query parameters, and JSON bodies."""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from scm_api.web.bodies import JsonRequest

_MOST_STRANGERS = 20

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Operation(APIRoute):
    """A route that takes the query parameters it declares, each once, and JSON as its body.

    A filter that is not known, such as a misspelled one, would otherwise not narrow anything, and
    whoever acts on the list would act on what was not meant.
    """

    def get_route_handler(self) -> Handler:
        """The handler with both looked at first; what is declared is found out here, once."""
        handle = super().get_route_handler()
        fields = _query_fields(self.dependant)
        declared = sorted({field.alias for field in fields})
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                found = Counter(name for name, _ in request.query_params.multi_items())
                if strange := _strange(found, declared):
                    _, others = request_params_to_args(fields, request.query_params)
                    raise RequestValidationError([*strange, *others])
            if takes_body:
                request = JsonRequest(request.scope, request.receive)
                await request.parse()
            return await handle(request)

        return checked


def _query_fields(dependant: Dependant) -> list[Any]:
    """Those of the operation and of what it depends on."""
    inner = [field for each in dependant.dependencies for field in _query_fields(each)]
    return [*dependant.query_params, *inner]


def _strange(found: Counter[str], declared: Sequence[str]) -> list[dict[str, Any]]:
    """What is not declared, and what is there more than once, as pydantic tells of errors."""
    unknown = [name for name in found if name not in declared][:_MOST_STRANGERS]
    known = ", ".join(declared) or "no query parameters"
    errors = [
        _error("parameter-unknown", name[:64], "There is no such query parameter here.", known)
        for name in unknown
    ]
    text = "The query parameter is given more than once."
    errors += [
        _error("parameter-repeated", name, text, "one value")
        for name in declared
        if found[name] > 1
    ]
    return errors


def _error(kind: str, name: str, text: str, accepted: str) -> dict[str, Any]:
    return {"type": kind, "loc": ("query", name), "msg": text, "ctx": {"expected": accepted}}
