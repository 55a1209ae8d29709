"""Every driver fulfils the same contract: what it says it can do, and what its CA has to offer."""

from collections.abc import Sequence

from contract import Harness, issue, needs, order_for
from cryptography import x509

from scm_api.core.errors import Fault
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.base import (
    Cancels,
    Driver,
    IssuingCa,
    ListsExternalOrganizations,
    ListsIssuingCas,
    ListsProducts,
    ListsTemplates,
)
from scm_api.drivers.kinds import ProfileFacts
from scm_api.drivers.registry import REGISTRY


def test_every_backend_type_is_registered() -> None:
    assert set(REGISTRY) - {"memory"} == set(BackendType)
    assert all(kind.type == name for name, kind in REGISTRY.items())


def test_models_are_told_apart_by_the_backend_type(harness: Harness) -> None:
    kind = harness.kind
    for model in (kind.connection_options, kind.secrets, kind.profile_options):
        assert model.model_fields["backend_type"].is_required()
        assert model.model_json_schema()["properties"]["backend_type"]["const"] == kind.type


def test_capabilities_agree_with_each_other(harness: Harness) -> None:
    capabilities = harness.kind.capabilities
    is_token = capabilities.duplicate_guard is Guard.TOKEN
    assert is_token == (capabilities.token_validity is not None)
    assert bool(capabilities.revocation_reasons) == capabilities.can_revoke
    assert capabilities.certificate_types
    assert capabilities.key_types


def test_the_driver_lists_what_its_capabilities_promise(harness: Harness, driver: Driver) -> None:
    capabilities = harness.kind.capabilities
    assert isinstance(driver, ListsIssuingCas) == capabilities.lists_issuing_cas
    assert isinstance(driver, ListsTemplates) == capabilities.lists_templates
    assert isinstance(driver, Cancels) == capabilities.can_cancel
    lists_organizations = capabilities.lists_external_organizations
    assert isinstance(driver, ListsExternalOrganizations) == lists_organizations
    assert isinstance(driver, ListsProducts) == capabilities.lists_products
    assert capabilities.needs_external_organization <= lists_organizations


async def test_check_counts_the_cas(harness: Harness, driver: Driver) -> None:
    report = await driver.check()
    if harness.kind.capabilities.lists_issuing_cas:
        assert report.visible_cas
        assert report.visible_cas >= 1
    else:
        assert report.visible_cas is None
    assert all(finding.endswith(".") for finding in report.findings)


async def test_listed_cas_are_what_the_rules_accept(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, ListsIssuingCas), "a list of issuing CAs")
    assert isinstance(driver, ListsIssuingCas)
    cas = await driver.issuing_cas()
    templates = await driver.templates() if isinstance(driver, ListsTemplates) else None
    kind = harness.kind

    def faults(cas: Sequence[IssuingCa]) -> list[Fault]:
        facts = ProfileFacts(CertificateType.SSL, kind.capabilities.key_types, cas, templates)
        return kind.judge_profile(harness.options, harness.connection, facts)

    assert faults(cas) == []
    wanted = kind.issuing_ca_id(harness.options)
    (chosen,) = [ca for ca in cas if ca.id == wanted]
    assert chosen.usable
    assert chosen.certificate_pem is not None
    assert faults([]) != []
    result = await issue(driver, harness.options, order_for(harness))
    anchor = x509.load_pem_x509_certificate(chosen.certificate_pem.encode())
    x509.load_der_x509_certificate(result.leaf_der).verify_directly_issued_by(anchor)


async def test_listed_templates_say_what_they_allow(driver: Driver) -> None:
    needs(isinstance(driver, ListsTemplates), "a list of templates")
    assert isinstance(driver, ListsTemplates)
    templates = await driver.templates()
    assert templates
    assert len({template.id for template in templates}) == len(templates)
    assert all(template.allows.endswith(".") for template in templates)


async def test_listed_products_say_what_they_allow(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, ListsProducts), "a list of products")
    assert isinstance(driver, ListsProducts)
    found = {each.id: each for each in await driver.products()}
    chosen = found[harness.product]
    assert chosen.terms_years
    assert "sha256" in chosen.signature_hashes


async def test_listed_organizations_say_which_may_order(harness: Harness, driver: Driver) -> None:
    needs(isinstance(driver, ListsExternalOrganizations), "a list of organizations")
    assert isinstance(driver, ListsExternalOrganizations)
    found = {each.id: each for each in await driver.external_organizations()}
    assert found[harness.organization].usable
    assert found[harness.organization].address
    for each in found.values():
        in_force = any(validation.status == "active" for validation in each.validations)
        assert each.usable == (in_force and each.status == "active")
    assert len({each.usable for each in found.values()}) == 2


def test_working_options_and_secrets_belong_together(harness: Harness) -> None:
    assert harness.kind.judge_connection(harness.connection, harness.secrets) == []
