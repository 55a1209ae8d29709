"""Whether a connection can be meant, said before it is stored."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from scm_api.core.errors import Fault, Invalid
from scm_api.drivers.addresses import destination, is_loopback_host
from scm_api.drivers.options import ConnectionOptions, ConnectionSecrets
from scm_api.drivers.registry import REGISTRY


def require_sound(
    options: ConnectionOptions,
    secrets: ConnectionSecrets | None,
    *,
    allow_loopback: bool,
    machine_identities: Collection[str],
) -> None:
    """Raises Invalid with every fault of a connection; pointers are those of the body.

    `secrets` are None where those stored cannot be read any more. `allow_loopback` lets an
    endpoint name this machine: right for the simulator, and a way around the network's walls for
    anybody else who may choose an endpoint. `machine_identities` says what the identity of this
    machine may be used for.
    """
    faults = [] if allow_loopback else list(_loopback_faults(options.model_dump(mode="json")))
    used = REGISTRY[options.backend_type].machine_identity(options)
    if used is not None and used not in machine_identities:
        faults.append(
            Fault(
                "/options/credentials",
                "machine-identity-not-allowed",
                f"The identity of the machine this service runs on may not be used for {used}.",
                f"a credential among the secrets, or {used} in SCM_MACHINE_IDENTITIES",
            )
        )
    if secrets is not None and secrets.backend_type != options.backend_type:
        faults.append(
            Fault(
                "/secrets/backend_type",
                "backend-type-differs",
                "Options and secrets are of different backend types.",
                str(options.backend_type),
            )
        )
    elif secrets is not None:
        faults += REGISTRY[options.backend_type].judge_connection(options, secrets)
    if faults:
        raise Invalid(faults)


def require_type(part: ConnectionOptions | ConnectionSecrets, pointer: str, fixed: str) -> None:
    """Raises Invalid when a change would make a connection of another type."""
    if part.backend_type != fixed:
        raise Invalid(
            [
                Fault(
                    f"{pointer}/backend_type",
                    "backend-type-fixed",
                    "The backend type of a local CA backend never changes.",
                    fixed,
                )
            ]
        )


def require_same_place(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raises Invalid when secrets that nobody reads would be shown to somebody else.

    Both are options as they are kept: whoever is called at another address, is the KDC of another
    realm or is believed to be there by other certificates, is given the secrets by who has them.
    What leads to where they went before, or to fewer, is no such change.
    """
    were, are = (dict(_told(each, _is_place)) for each in (before, after))
    gone = {at for at in were.keys() - are.keys() if not _has_member(after, at)}
    moved = sorted(
        at
        for at in (were.keys() | are.keys()) - gone
        if not _is_within(at, were.get(at), are.get(at))
    )
    if moved:
        detail = f"The secrets stored would be sent elsewhere, because of {', '.join(moved)}."
        fault = Fault("/secrets", "secrets-needed", detail, "the secrets again, with the options")
        raise Invalid([fault])


def _is_within(pointer: str, before: str | None, after: str | None) -> bool:
    """Whether what an option says is no more than it was, perhaps in another spelling. One left out
    stands for a place of its own: the CA's public address, what the system trusts."""
    if before is None or after is None or before == after:
        return before == after
    name = pointer.rpartition("/")[2]
    if name == "trusted_certificates":
        return _fingerprints(after) <= _fingerprints(before)
    return _is_address(name) and destination(after) == destination(before)


def _fingerprints(pem: str) -> set[bytes]:
    read = x509.load_pem_x509_certificates(pem.encode())
    return {each.fingerprint(hashes.SHA256()) for each in read}


def _has_member(options: Any, pointer: str) -> bool:
    """Whether there still is what `pointer` is an option of: without it nothing is called there."""
    for name in pointer.split("/")[2:-1]:
        options = options.get(name)
        if options is None:
            return False
    return True


def _loopback_faults(options: Mapping[str, Any]) -> Iterator[Fault]:
    for pointer, address in _told(options, _is_address):
        if is_loopback_host(destination(address)[1]):
            yield Fault(
                pointer,
                "endpoint-not-allowed",
                "The endpoint names the machine this service runs on.",
                "a host elsewhere, unless SCM_ALLOW_LOOPBACK_ENDPOINTS is true",
            )


def _told(
    options: Mapping[str, Any], wanted: Callable[[str], bool], pointer: str = "/options"
) -> Iterator[tuple[str, str]]:
    """What the options of a `wanted` name say, at any depth, by pointer."""
    for name, value in options.items():
        here = f"{pointer}/{name}"
        if isinstance(value, Mapping):
            yield from _told(value, wanted, here)
        elif value is not None and wanted(name):
            yield here, value


def _is_address(name: str) -> bool:
    return name.endswith("url") or name == "host"


def _is_place(name: str) -> bool:
    return _is_address(name) or name in {"trusted_certificates", "realm"}
