"""Numbers of keys, always the same: finding primes takes longer than all tests of them."""

import random
from functools import cache

from cryptography.hazmat.primitives.asymmetric import dsa, rsa

# (bits, seed): how far the next prime is from the number made of the two.
_DISTANCES = {
    (512, 0): 462,
    (512, 1): 180,
    (1023, 0): 1126,
    (1024, 0): 386,
    (1024, 1): 402,
    (1024, 2): 718,
    (1024, 3): 156,
    (1024, 4): 470,
    (1024, 5): 228,
    (1024, 6): 19,
    (1024, 7): 651,
}


def prime(bits: int, seed: int) -> int:
    """A prime whose product with others of its kind never comes out a bit too short."""
    low = bits - 16
    return (0xFFFF << low | random.Random(seed).getrandbits(low)) + _DISTANCES[bits, seed]


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Of 2,048 bits, from two primes nothing is wrong with."""
    p, q, e = prime(1024, 2), prime(1024, 3), 65537
    d = rsa.rsa_recover_private_exponent(e, p, q)
    return rsa.RSAPrivateNumbers(
        p,
        q,
        d,
        rsa.rsa_crt_dmp1(d, p),
        rsa.rsa_crt_dmq1(d, q),
        rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(e, p * q),
    ).private_key()


def dsa_key() -> dsa.DSAPublicKey:
    """Of 1,024 bits; nobody keeps the private half."""
    p = int(
        "939b65dd159c46773991c386d31aa9fde243aadf12636ef62e04b7a31bd6829eff43389aee326966c832344d"
        "bbfc5d09bf7272195709ff1941e8bd07d458f927123c0b4846e58dbff5aaea6748c837acddd6c42b8705db9d"
        "9619bccd237896730710b4e788396649771ebd9b3e66dc0a216aff608f6948b5a5493da5e6f8ec9b",
        16,
    )
    q = int("ea634e30e3b78df5333a7d3dae69fc68545e4025", 16)
    g = int(
        "3e7ef867ee7af96213e9d5da70a3bcf8187dc7af5700906ffd7ecea2a40fa10b4d523d9345e19f715cec5455"
        "139022642e6f7cfef35f5a1e92dfd77d1d91e904c1e521e96f7aa77b96d371b74d825161918ef9fb58e0d643"
        "0403fdf223778f17ca1c83bb2d3794afe2e763a31b93288278eb440d538a70f0e3ca7553064ed478",
        16,
    )
    y = int(
        "13022ccb375aa33db0ebbaf0772eff3f2c21c813f7b05843fe515b0cc760e47668fbe912c8a6470118b90673"
        "a765083d07a105a6cc4fb846132d24a8d830e1b145198a1491083c3600ccae85902e84fd487c967f07f108b6"
        "a1b140960fc4b74ad4a0b7d395d12ba10618f1fc3345f09af03075494135ce0421945c71d27ea8fb",
        16,
    )
    return dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
