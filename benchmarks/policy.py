"""`make bench-policy`: W11, judging the names of a CSR against only parsing it.

Pure computing in one thread, so its CPU time is taken: it is the same on a busy machine, give or
take what others do to the caches.
"""

import random
import secrets
import time
from collections.abc import Callable, Sequence

import idna
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks.machine import description
from benchmarks.report import Report
from benchmarks.rounds import ROUNDS, ratios
from scm_api.core.csr import CsrFacts, read_csr
from scm_api.core.csr_policy import judge_csr
from scm_api.core.domain_policy import DomainPolicy
from scm_api.core.domains import public_suffixes
from scm_api.core.requested_names import judge_names
from scm_api.core.vocabulary import CertificateType

MOST_MILLISECONDS = 5.0
_CALLS = 40
_OWNED = (*(f"*.d{number}.example" for number in range(50)), "*.example.com")
_POLICY = DomainPolicy(
    wildcard=True,
    wildcard_depth=2,
    internal_domains=False,
    allowed_domains=("*.example.com",),
    denied_domains=tuple(f"*.denied-{number}.example.com" for number in range(50)),
)


def main() -> None:
    """Judge CSRs of every size and print the figures."""
    seed = secrets.randbelow(10**6)
    print(description())
    print(f"seed     {seed}")
    lottery, report = random.Random(seed), Report()
    public_suffixes()  # a process reads the list once
    for count in (1, 10, 100):
        _measure(report, f"policy-{count}", lambda: _ascii_csr(lottery, count))  # noqa: B023
    _measure(report, "policy-100-idn", lambda: _idn_csr(lottery), fresh=True)
    known = _idn_csr(lottery)
    _measure(report, "policy-100-idn-known", lambda: known)
    report.note(f"bar: 100 names under {MOST_MILLISECONDS} ms; the floor is reading the CSR alone")
    report.finish()


def _measure(report: Report, name: str, make: Callable[[], bytes], *, fresh: bool = False) -> None:
    """One figure: reading and judging by reading alone. With `fresh` no name is judged twice."""
    reading, judging, calls = [], [], []
    for _ in range(ROUNDS):
        csrs = [make() for _ in range(_CALLS)] if fresh else [make()] * _CALLS
        if not fresh:
            _judge(_read(csrs[0]))
        times = [(_timed(_read, csr), _timed(_both, csr)) for csr in csrs]
        reading.append(_mean([alone for alone, _ in times]))
        judging.append(_mean([both for _, both in times]))
        calls += [both for _, both in times]
    report.figure(
        name,
        _mean(judging),
        "ms",
        floor=_mean(reading),
        ratio=ratios(judging, reading),
        milliseconds=calls,
    )


def _read(csr: bytes) -> CsrFacts:
    facts, faults = read_csr(csr)
    assert facts is not None
    assert not faults
    return facts


def _judge(facts: CsrFacts) -> None:
    _, faults = judge_names(_POLICY, _OWNED, facts, None)
    assert faults == []
    assert judge_csr(facts, CertificateType.SSL) == []


def _both(csr: bytes) -> None:
    _judge(_read(csr))


def _timed(work: Callable[[bytes], object], csr: bytes) -> float:
    started = time.thread_time()
    work(csr)
    return (time.thread_time() - started) * 1000


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _ascii_csr(lottery: random.Random, count: int) -> bytes:
    word = f"{lottery.randrange(10**6):06}"
    return _csr([f"host-{word}-{number}.shop.example.com" for number in range(count)])


def _idn_csr(lottery: random.Random) -> bytes:
    word = f"{lottery.randrange(10**6):06}"
    labels = (idna.alabel(f"bücher-{word}-{number}").decode() for number in range(100))
    return _csr([f"{label}.shop.example.com" for label in labels])


_KEY = ec.generate_private_key(ec.SECP256R1())


def _csr(names: Sequence[str]) -> bytes:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True
        )
        .sign(_KEY, hashes.SHA256())
    )
    return request.public_bytes(Encoding.DER)


if __name__ == "__main__":
    main()
