"""Enroll with impacket's ICPR, found through the endpoint mapper; run by `test_microsoft.py`.

Arguments: host, port of the mapper, CA, user, password, domain, level, file with the CSR (DER).
Prints one line of JSON.
"""

import base64
import json
import sys
from pathlib import Path

from impacket.dcerpc.v5 import epm, icpr, rpcrt, transport
from impacket.dcerpc.v5.dtypes import NULL
from impacket.uuid import uuidtup_to_bin


def connected(binding: str) -> object:
    found = transport.DCERPCTransportFactory(binding)
    found.set_connect_timeout(20)
    return found


def icpr_binding(host: str, port: str) -> str:
    mapper = connected(f"ncacn_ip_tcp:{host}[{port}]").get_dce_rpc()
    mapper.connect()
    binding = epm.hept_map(host, icpr.MSRPC_UUID_ICPR, protocol="ncacn_ip_tcp", dce=mapper)
    mapper.disconnect()
    return binding


def enrolled(binding: str, ca: str, csr: bytes, credentials: list[str], level: int) -> dict:
    way = connected(binding)
    way.set_credentials(*credentials)
    rpc = way.get_dce_rpc()
    rpc.set_auth_level(level)
    rpc.connect()
    rpc.bind(uuidtup_to_bin(("91ae6020-9e3c-11cf-8d7c-00aa00c091be", "0.0")))
    attributes = "CertificateTemplate:CorpWeb\0".encode("utf-16le")
    request = icpr.CertServerRequest()
    request["dwFlags"], request["pwszAuthority"], request["pdwRequestId"] = 0, f"{ca}\0", 0
    for name, content in (("pctbAttribs", attributes), ("pctbRequest", csr)):
        blob = icpr.CERTTRANSBLOB()
        blob["cb"], blob["pb"] = len(content), content or NULL
        request[name] = blob
    answer = rpc.request(request, checkError=False)
    rpc.disconnect()
    return {
        "id": answer["pdwRequestId"],
        "disposition": answer["pdwDisposition"],
        "leaf": base64.b64encode(b"".join(answer["pctbEncodedCert"]["pb"])).decode(),
        "chain": base64.b64encode(b"".join(answer["pctbCert"]["pb"])).decode(),
        "message": b"".join(answer["pctbDispositionMessage"]["pb"]).decode("utf-16le"),
    }


def main() -> None:
    host, port, ca, user, password, domain, level, csr = sys.argv[1:]
    try:
        binding = icpr_binding(host, port)
        credentials = [user, password, domain]
        said = enrolled(binding, ca, Path(csr).read_bytes(), credentials, int(level))
    except rpcrt.DCERPCException as error:
        said = {"error": str(error)}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
