"""A CA that issues at once to whoever has its credentials: connect, enroll, verify."""

from dataclasses import dataclass

from scm_api.demo.joining import Joining, Proven


@dataclass(frozen=True, slots=True)
class PlainStory:
    """One CA's story; every step raises DemoError when anything is not as it should be."""

    joining: Joining

    def tell(self) -> Proven:
        """Leave a verified certificate in the files."""
        joining = self.joining
        order = joining.order(joining.connect())
        joining.show.step("Enroll and wait for the certificate, in one call")
        request = joining.request()
        made = joining.api.post(
            "/enrollments", "a CSR; Prefer: wait", order | {"csr": request.csr}, wait=True
        )
        return joining.keep(made["certificate_id"], request)
