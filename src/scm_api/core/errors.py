"""What can go wrong, without a word about HTTP; `web.problems` alone knows status codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a request cannot be taken as it stands.

    `pointer` is the RFC 6901 JSON pointer of the member at fault in the request body (`""` is
    the body itself; `query/limit` or `header/If-Match` name a parameter). `code` is a stable
    kebab-case name, `detail` one sentence for a person, `accepted` what would have been taken.
    """

    pointer: str
    code: str
    detail: str
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that still needs the thing somebody wants to delete."""

    kind: str
    id: UUID
    name: str


class ScmError(Exception):
    """Root of every error this service raises on purpose. `code` is stable and kebab-case."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code


class Invalid(ScmError):
    """The request's content is wrong; carries every fault found, never only the first."""

    code = "invalid-request"

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("Invalid needs at least one fault")
        self.faults = tuple(faults)
        codes = {fault.code for fault in faults}
        super().__init__(
            faults[0].detail if len(faults) == 1 else f"The request has {len(faults)} faults.",
            code=codes.pop() if len(codes) == 1 else self.code,
        )


class Malformed(ScmError):
    """The request cannot be read at all: not JSON, a forged cursor, impossible parameters.

    Carries the fault at `pointer`, or `faults` where several were found at once.
    """

    code = "malformed-request"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        pointer: str = "",
        accepted: str | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail, code=code)
        if pointer:
            faults = (Fault(pointer, self.code, detail, accepted), *faults)
        self.faults = tuple(faults)


class Unauthenticated(ScmError):
    """Nobody we know is asking."""

    code = "unauthenticated"


class Forbidden(ScmError):
    """The caller may see the thing but not do this to it; `detail` names the missing right."""

    code = "forbidden"


class NotFound(ScmError):
    """There is no such thing, or none the caller may see: both read the same on purpose."""

    code = "not-found"

    def __init__(self, noun: str) -> None:
        super().__init__(f"There is no such {noun}.")


class Conflict(ScmError):
    """The request is well formed, but the state of things does not allow it now."""

    code = "conflict"

    def __init__(
        self, detail: str, *, code: str | None = None, used_by: Sequence[Use] = ()
    ) -> None:
        super().__init__(detail, code=code)
        self.used_by = tuple(used_by)


class Stale(ScmError):
    """The caller read an older version than the one it wants to change."""

    code = "stale"


class PreconditionRequired(ScmError):
    """An update must say which version it changes."""

    code = "precondition-required"


class RateLimited(ScmError):
    """The caller asked for too much in too little time; nothing was done."""

    code = "rate-limited"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        """`retry_after` are seconds."""
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(ScmError):
    """Something this service needs is away for now; nothing was changed."""

    code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: int = 5) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after
