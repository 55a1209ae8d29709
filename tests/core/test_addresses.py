from ipaddress import ip_address

import pytest

from scm_api.core.addresses import AddressClass, class_of, range_faults
from scm_api.core.errors import Fault


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8.8.8.8", AddressClass.PUBLIC_IPV4),
        ("10.0.0.1", AddressClass.PRIVATE_IPV4),
        ("172.31.255.255", AddressClass.PRIVATE_IPV4),
        ("172.32.0.1", AddressClass.PUBLIC_IPV4),
        ("100.64.0.1", AddressClass.PRIVATE_IPV4),  # shared by carriers, RFC 6598
        ("192.0.2.1", AddressClass.PRIVATE_IPV4),  # for documentation
        ("2606:4700::1", AddressClass.PUBLIC_IPV6),
        ("fd00::1", AddressClass.PRIVATE_IPV6),
        ("2001:db8::1", AddressClass.PRIVATE_IPV6),
        ("2002:808:808::1", AddressClass.PUBLIC_IPV6),
        ("2002:a00:1::1", AddressClass.PRIVATE_IPV6),  # 6to4 around 10.0.0.1
    ],
)
def test_t13_addresses_are_public_or_private(value: str, expected: AddressClass) -> None:
    assert class_of(ip_address(value)) is expected


def faults(
    value: str,
    classes: tuple[AddressClass, ...] = tuple(AddressClass),
    *,
    allowed: tuple[str, ...] = (),
    denied: tuple[str, ...] = (),
) -> list[Fault]:
    return list(range_faults(ip_address(value), classes, allowed, denied, "/csr"))


def test_t13_classes_need_permission() -> None:
    private = (AddressClass.PRIVATE_IPV4, AddressClass.PRIVATE_IPV6)
    assert faults("10.0.0.1", private) == []
    [fault] = faults("8.8.8.8", private)
    assert fault == Fault(
        "/csr",
        "address-not-allowed",
        "A certificate of this profile carries no public IPv4 addresses, such as 8.8.8.8.",
        "private_ipv4, private_ipv6",
    )
    [fault] = faults("8.8.8.8", ())
    assert fault.accepted == "no address at all"


def test_t13_what_is_denied_stays_denied() -> None:
    allowed, denied = ("10.0.0.0/8",), ("fd00::/8", "10.9.0.0/30")
    assert faults("10.8.255.255", allowed=allowed, denied=denied) == []
    assert faults("10.9.0.4", allowed=allowed, denied=denied) == []
    for inside in ("10.9.0.0", "10.9.0.3"):
        [fault] = faults(inside, allowed=allowed, denied=denied)
        assert fault.code == "address-not-allowed"
        assert "10.9.0.0/30, one of the profile's denied networks" in fault.detail
    assert len(faults("127.0.0.1", denied=("127.0.0.0/8", "127.0.0.1/32"))) == 2
