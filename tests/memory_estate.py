"""Chains on a CA in memory, which issues every type of certificate."""

from typing import Any
from uuid import uuid4

from estate import Chain, Estate, Json
from memory_ca.authority import AUTHORITIES, Authority

PASSWORD = "of-ada"
USAGES = {
    "ssl": ["server_auth"],
    "client": ["client_auth", "email_protection"],
    "code_signing": ["code_signing"],
    "device": ["client_auth"],
}


def memory_connection(authority: str) -> Json:
    """Options and secrets that reach an authority of this process."""
    return {
        "options": {"backend_type": "memory", "authority": authority},
        "secrets": {"backend_type": "memory", "password": PASSWORD},
    }


async def memory_chain(
    estate: Estate, certificate_type: str, **profile: Any
) -> tuple[Chain, Authority]:
    """Everything from the connector to the profile, and the CA behind it."""
    name = uuid4().hex
    authority = AUTHORITIES[name] = Authority({PASSWORD: "ada"})
    connector, organization = await estate.ground()
    local = await estate.local_ca_backend(connector["id"], **memory_connection(name))
    backend = await estate.ca_backend(local["id"])
    usages = USAGES[certificate_type]
    options = {"backend_type": "memory", "issuing_ca": "issuing", "extended_key_usages": usages}
    wanted = {
        "certificate_type": certificate_type,
        "options": options,
        "organization_ids": [organization["id"]],
        "domain_policy": {"email": True} if certificate_type == "client" else {},
    }
    made = await estate.profile(backend["id"], **(wanted | profile))
    return Chain(connector, local, backend, organization, made), authority
