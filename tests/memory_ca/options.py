"""What is said about a CA in memory, and what a profile chooses there."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, StringConstraints

from scm_api.drivers.fields import Options, Secrets, with_example

BACKDATING: Final = timedelta(minutes=1)

Usage = Literal["server_auth", "client_auth", "email_protection", "code_signing"]
AuthorityName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]


class MemoryConnection(Options):
    """For tests: a CA that lives in the memory of this process and ends with it."""

    model_config = with_example(backend_type="memory", authority="trial")

    backend_type: Literal["memory"]
    authority: Annotated[AuthorityName, Field(description="The name the CA was made under.")]


class MemorySecrets(Secrets):
    """The password of one account of the CA."""

    model_config = with_example(backend_type="memory", password="of-ada")

    backend_type: Literal["memory"]
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class MemoryOrderOptions(Options):
    """The account one certificate is made for."""

    model_config = with_example(backend_type="memory", on_behalf_of="CORP\\jdoe")

    backend_type: Literal["memory"]
    on_behalf_of: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class MemoryProfileOptions(Options):
    """The issuing CA of the authority and the usages of its certificates."""

    model_config = with_example(backend_type="memory", issuing_ca="issuing")

    backend_type: Literal["memory"]
    issuing_ca: AuthorityName
    extended_key_usages: list[Usage] = Field(
        default_factory=lambda: ["server_auth"],
        min_length=1,
        max_length=4,
        description="RFC 5280 section 4.2.1.12.",
    )
    for_accounts: Annotated[
        bool, Field(description="Names come from the authority's directory, not from the CSR.")
    ] = False
