"""What Active Directory knows of an account."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account of the directory; None is an attribute that it does not have.

    `account` is `DOMAIN\\sam`. `protected` is adminCount=1. `groups` are the distinguished names of
    every security group it is in, also through others; of one of another domain, which the server
    does not hold, the SID.
    """

    account: str
    distinguished_name: str
    sid: str
    upn: str | None
    mail: str | None
    dns_host_name: str | None
    common_name: str
    disabled: bool
    protected: bool
    groups: frozenset[str]
