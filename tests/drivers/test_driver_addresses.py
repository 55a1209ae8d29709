"""T53: what may be given as an endpoint, and what may be connected to."""

import pytest

from scm_api.drivers.addresses import endpoint_objection, is_loopback_host, may_connect


@pytest.mark.parametrize(
    "url",
    [
        "https://acm-pca.eu-central-1.amazonaws.com",
        "https://vpce-0a1b.acm-pca.eu-central-1.vpce.amazonaws.com/",
        "https://pca.example.com:8443",
        "https://203.0.113.7.example.com",
        "https://9.9.9.9",
        "http://localhost:4566",
        "http://sandbox.localhost:4566",
        "http://127.0.0.1:4010",
        "http://127.8.9.10",
        "http://[::1]:4010",
        "https://127.0.0.1:4010",
    ],
)
def test_t53_allowed_endpoints(url: str) -> None:
    assert endpoint_objection(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://acm-pca.eu-central-1.amazonaws.com",
        "http://169.254.169.254",
        "https://169.254.169.254",
        "https://169.254.170.2",
        "https://[fe80::1]",
        "https://[fd00:ec2::254]",
        "https://[::ffff:169.254.169.254]",
        "http://[::ffff:169.254.169.254]",
        "https://[2002:a9fe:a9fe::]",
        "https://10.0.0.1",
        "https://192.168.1.1",
        "https://[fd12::1]",
        "https://0.0.0.0",
        "http://0.0.0.0",
        "https://[::]",
        "https://255.255.255.255",
        "https://224.0.0.1",
        "https://100.64.0.1",
        "https://2852039166",
        "https://0xa9fea9fe",
        "https://0251.0376.0251.0376",
        "https://169.254.43518",
        "https://1.2.3.4.",
        "http://2130706433",
        "https://user:pass@pca.example.com",
        "https://user@pca.example.com",
        "https://pca.example.com/path",
        "https://pca.example.com?query",
        "https://pca.example.com#fragment",
        "https://pca.example.com:99999",
        "https://pca.example.com:port",
        "https://pca.example.com\r\nX-Header: 1",
        "https://pca example.com",
        "https://pca.example.com\t",
        "https://ｐca.example.com",
        "https://",
        "https:///path",
        "https://[::1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "pca.example.com",
        "//pca.example.com",
        "http://localhost.example.com",
        "http://localhost@pca.example.com",
        "",
    ],
)
def test_t53_refused_endpoints(url: str) -> None:
    objection = endpoint_objection(url)
    assert objection is not None
    assert objection.endswith(".")


@pytest.mark.parametrize(
    ("address", "from_anywhere", "from_loopback"),
    [
        ("3.64.1.1", True, True),
        ("10.0.0.7", True, True),
        ("fd12:3456::1", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("fd00:ec2::254", False, False),
        ("fd20:ce::254", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
        ("no address", False, False),
    ],
)
def test_t54_addresses_that_may_be_connected(
    address: str, from_anywhere: bool, from_loopback: bool
) -> None:
    assert may_connect(address, loopback=False) is from_anywhere
    assert may_connect(address, loopback=True) is from_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.1.2.3", "::1"])
def test_hosts_of_this_machine(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize("host", ["localhost.example.com", "mylocalhost", "128.0.0.1", ""])
def test_hosts_elsewhere(host: str) -> None:
    assert not is_loopback_host(host)
