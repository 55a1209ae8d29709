"""Amazon Resource Names of AWS Private CA."""

import re
from dataclasses import dataclass

_CA = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):acm-pca:(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9])"
    r":(?P<account>[0-9]{12}):certificate-authority/"
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_TEMPLATE = re.compile(r"arn:(?P<partition>aws(?:-[a-z]+)*):acm-pca:::template/(?P<name>\w+)/V1")
_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-isob-", "aws-iso-b"),
               ("us-iso-", "aws-iso"), ("eu-isoe-", "aws-iso-e"), ("us-isof-", "aws-iso-f"),
               ("eusc-", "aws-eusc"))  # fmt: skip

CA_ARN_FORM = "arn:aws:acm-pca:<region>:<account>:certificate-authority/<uuid>"


@dataclass(frozen=True, slots=True)
class CaArn:
    """The parts of a private CA's ARN. A CA exists in one region of one account."""

    partition: str
    region: str
    account: str
    id: str


@dataclass(frozen=True, slots=True)
class TemplateArn:
    """The parts of a template's ARN, which has neither region nor account."""

    partition: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:acm-pca:::template/{self.name}/V1"


def parse_ca_arn(text: str) -> CaArn | None:
    """The parts of `text`, or None if it is not the ARN of a private CA."""
    match = _CA.fullmatch(text)
    return CaArn(*match.group("partition", "region", "account", "id")) if match else None


def parse_template_arn(text: str) -> TemplateArn | None:
    """The parts of `text`, or None if it is not the ARN of a template's version 1."""
    match = _TEMPLATE.fullmatch(text)
    return TemplateArn(*match.group("partition", "name")) if match else None


def ca_of_certificate(certificate_arn: str) -> str:
    """The CA's part of a certificate ARN, `<CA ARN>/certificate/<id>`; the id is opaque.

    Raises ValueError if there is no such part.
    """
    ca_arn, separator, _ = certificate_arn.rpartition("/certificate/")
    if not separator:
        raise ValueError("not the ARN of a certificate")
    return ca_arn


def partition_of(region: str) -> str:
    """The partition a region belongs to; its ARNs begin with `arn:<partition>:`."""
    for prefix, partition in _PARTITIONS:
        if region.startswith(prefix):
            return partition
    return "aws"
