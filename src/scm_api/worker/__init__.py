"""The durable jobs: whoever calls a CA to issue or revoke is here."""

from scm_api.worker.process import run_worker

__all__ = ["run_worker"]
