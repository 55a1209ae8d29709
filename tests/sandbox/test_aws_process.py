"""The simulator as a process: one line when ready, clean ends, and nothing lost between starts."""

import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aws_client import BODY, EC_ROOT, Sandbox, refused, signed_headers

from processes import ServiceProcess, finished, started
from scm_api.sandbox import aws
from scm_api.sandbox.aws.simulator import open_simulator

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SCM_")}


def simulator(state: Path, **options: Any) -> Callable[[], None]:
    """Work for a process: the simulator on a free port unless the options name one."""
    return partial(aws.run, **{"port": 0, "state": state} | options)


@contextmanager
def running(state: Path, **options: Any) -> Iterator[tuple[Sandbox, ServiceProcess]]:
    """A simulator process with quotas and waits off, ended in any case."""
    work = simulator(state, **{"quotas": False, "pending_gets": 0} | options)
    with started(work, CLEAN) as process:
        line = process.first_line()
        found = re.fullmatch(
            r"aws sandbox listening on (http://127\.0\.0\.1:\d+) \(region eu-central-1, "
            rf"access key {aws.ACCESS_KEY_ID}, secret key {aws.SECRET_ACCESS_KEY}\)",
            line,
        )
        assert found, line or process.errors.read_text()
        yield Sandbox(found[1]), process


def failure(state: Path, **options: Any) -> str:
    """What a start that cannot succeed says; it is one sentence, and the exit status is 1."""
    done = finished(simulator(state, **options), CLEAN)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_f32_a_signal_ends_it_cleanly_even_while_a_call_hangs(
    state: Path, number: signal.Signals
) -> None:
    with running(state) as (sandbox, process):
        sandbox.fault("DescribeCertificateAuthority", "hang")
        connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
        connection.request("POST", "/", body=BODY, headers=signed_headers(sandbox))
        while sandbox.control("GET", "/faults")["faults"]:
            time.sleep(0.01)
        process.send(number)
        assert process.wait(10) == 0
        connection.close()
        assert process.errors.read_text() == ""
    last = json.loads((state / "calls.jsonl").read_text().splitlines()[-1])
    assert (last["fault"], last["outcome"]) == ("hang", "close")


def test_keys_certificates_tokens_and_revocations_survive_a_kill(state: Path) -> None:
    with running(state, pending_gets=1) as (sandbox, process):
        sts = sandbox.client("sts")
        session = sts.assume_role(
            RoleArn=aws.ROLE_ARN, RoleSessionName="kept", ExternalId=aws.ROLE_EXTERNAL_ID
        )["Credentials"]
        arn = sandbox.issue(IdempotencyToken="a-token")
        revoked = sandbox.issue()
        sandbox.revoke(revoked.rpartition("/")[2])
        path = f"/certificate-authorities/{aws.EC_ROOT_ID}"
        sandbox.control("PATCH", path, {"status": "DISABLED"})
        authorities = sandbox.control("GET", "/certificate-authorities")
        ledger = sandbox.ledger()
        process.send(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    with (state / "ledger.jsonl").open("a") as torn:
        torn.write('{"time": "2026-01-0')
    for name in ("authorities.json", "session.key"):
        assert (state / name).stat().st_mode & 0o077 == 0
    with running(state) as (sandbox, _):
        assert sandbox.control("GET", "/certificate-authorities") == authorities
        assert sandbox.ledger() == ledger
        assert sandbox.issue(IdempotencyToken="a-token") == arn
        assert f"{sandbox.get(arn)[0].serial_number:032x}" == arn.rpartition("/")[2]
        with refused("InvalidStateException"):
            sandbox.issue(EC_ROOT)
        with refused("RequestAlreadyProcessedException"):
            sandbox.revoke(revoked.rpartition("/")[2])
        kept = sandbox.client(
            key_id=session["AccessKeyId"],
            secret=session["SecretAccessKey"],
            token=session["SessionToken"],
        )
        sandbox.issue(client=kept)
        assert len(sandbox.ledger("order")) == 3


def test_addresses_that_cannot_be_used(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1 port {port}: taken; stop" in failure(state, port=port)


def test_state_directories_that_cannot_be_used(state: Path, tmp_path: Path) -> None:
    def refusal(folder: Path, **options: Any) -> str:
        with pytest.raises(aws.StateError) as caught:
            open_simulator(aws.Settings(state=folder, **options))
        return str(caught.value)

    opened = open_simulator(aws.Settings(state=state))
    assert "is used by another simulator" in failure(state)
    opened.close()
    assert "was made for region eu-central-1, not eu-west-1" in refusal(state, region="eu-west-1")
    (state / "ledger.jsonl").write_text("not json\n")
    assert "The ledger in" in refusal(state)
    (state / "authorities.json").write_text("{}")
    assert "is damaged" in refusal(state)
    (tmp_path / "file").write_text("")
    assert "cannot be used" in refusal(tmp_path / "file")
