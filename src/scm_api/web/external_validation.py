"""What a CA says about an organization of its account, as answers show it."""

from datetime import datetime

from pydantic import Field

from scm_api.web.schemas import Output


class AssignedValidationOut(Output):
    """One validation of the external organization."""

    type: str = Field(examples=["ov"])
    status: str = Field(examples=["active"])
    until: datetime | None
