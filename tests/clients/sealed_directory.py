"""Bind with impacket's GSS-SPNEGO and read an account; run by `test_microsoft.py`.

Arguments: scheme (ldap: sealed, ldaps: with channel bindings), host, port, base, user, password,
domain. Prints one line of JSON.
"""

import json
import socket
import sys

from impacket.ldap import ldap, ldapasn1

KNOWN = socket.getaddrinfo


def main() -> None:
    scheme, host, port, base, user, password, domain = sys.argv[1:]
    # It knows the well-known ports only.
    socket.getaddrinfo = lambda target, _, *more: KNOWN(target, int(port), *more)
    try:
        connection = ldap.LDAPConnection(f"{scheme}://{host}", base)
        connection.login(user, password, domain)
        found = connection.search(
            searchFilter=f"(&(objectCategory=person)(sAMAccountName={user}))",
            attributes=["distinguishedName"],
        )
    except ldap.LDAPSessionError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return
    names = [
        str(each["objectName"]) for each in found if isinstance(each, ldapasn1.SearchResultEntry)
    ]
    sys.stdout.write(json.dumps({"names": names}) + "\n")


if __name__ == "__main__":
    main()
