"""What every feature's routes share: authentication, problem documents, pages, the contract."""

import sys

# FastAPI looks for models of pydantic's first version, which it refuses; without that version there
# can be none. Loading it for that would take a fiftieth of a process's start.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # "not there" to `import`
