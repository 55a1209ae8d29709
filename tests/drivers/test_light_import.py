"""Cloud SDKs load at first use: the service starts without them."""

import subprocess
import sys


def test_the_registry_loads_no_cloud_sdk() -> None:
    program = (
        "import sys, scm_api.drivers.registry, scm_api.drivers.options, scm_api.drivers.pool;"
        "heavy = {'aioboto3', 'aiobotocore', 'boto3', 'botocore', 'aiohttp', 'grpc', 'google'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
