"""Read the PKI containers with ldap3; run by `test_microsoft.py`.

Arguments: host, port, file to trust, user, password, way to bind (simple or ntlm).
Prints one line of JSON.
"""

import base64
import json
import ssl
import sys

import ldap3
from impacket.ntlm import compute_nthash
from ldap3.protocol.microsoft import security_descriptor_control


def main() -> None:
    host, port, trust, user, password, way = sys.argv[1:]
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=trust)
    server = ldap3.Server(host, int(port), use_ssl=True, tls=tls, get_info=ldap3.ALL)
    if way == "ntlm":  # with the hash: ldap3 leaves MD4 to OpenSSL, which has it no longer
        password = f"{'0' * 32}:{compute_nthash(password).hex()}"
    kind = ldap3.NTLM if way == "ntlm" else ldap3.SIMPLE
    connection = ldap3.Connection(server, user, password, authentication=kind)
    if not connection.bind():
        sys.stdout.write(json.dumps({"error": connection.result["message"]}) + "\n")
        return
    (context,) = server.info.other["configurationNamingContext"]
    services = f"CN=Public Key Services,CN=Services,{context}"
    pages = connection.extend.standard.paged_search(
        services,
        "(&(objectClass=pKICertificateTemplate)(!(cn=nothing)))",
        attributes=["cn", "pKIExpirationPeriod", "nTSecurityDescriptor"],
        controls=security_descriptor_control(sdflags=4),
        paged_size=1,
        generator=False,
    )
    templates = {
        each["raw_attributes"]["cn"][0].decode(): [
            base64.b64encode(each["raw_attributes"][name][0]).decode()
            for name in ("pKIExpirationPeriod", "nTSecurityDescriptor")
        ]
        for each in pages
        if each["type"] == "searchResEntry"
    }
    connection.search(
        f"CN=Enrollment Services,{services}",
        "(objectClass=pKIEnrollmentService)",
        attributes=["cn", "dNSHostName", "cACertificate"],
    )
    authorities = [
        [
            each["raw_attributes"]["cn"][0].decode(),
            each["raw_attributes"]["dNSHostName"][0].decode(),
            base64.b64encode(each["raw_attributes"]["cACertificate"][0]).decode(),
        ]
        for each in connection.response
        if each["type"] == "searchResEntry"
    ]
    who = connection.extend.standard.who_am_i()
    said = {"templates": templates, "authorities": authorities, "who": who}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
