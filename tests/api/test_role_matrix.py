"""docs/roles.md, asked of the real API: every operation, by every role, in every organization."""

import re
from pathlib import Path
from uuid import uuid4

from role_estate import Place, prepared
from role_questions import Asking, answer, operations

from api_client import Api, Contract, faults_of
from estate import Estate
from scm_api.db.session import Database
from scm_api.settings import Settings
from scm_api.web import examples

TABLE = Path(__file__).parents[2] / "docs" / "roles.md"
# In the order of the table.
COLUMNS = (
    "MRAO",
    "RAO own",
    "RAO child",
    "RAO foreign",
    "DRAO own",
    "DRAO parent",
    "DRAO sibling",
    "DRAO foreign",
    "no privileges",
    "other type",
)
_ROW = re.compile(r"^\| `(\w+)` +\|(.+)\|$", re.MULTILINE)


def expected() -> dict[str, list[str]]:
    """The table: operation -> what is expected, column by column."""
    rows = _ROW.findall(TABLE.read_text().partition("## Every operation")[2])
    assert len({name for name, _ in rows}) == len(rows)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_t47_every_operation_has_a_row(contract: Contract) -> None:
    table = expected()
    assert {each.name for each in operations(contract)} == table.keys()
    assert {len(cells) for cells in table.values()} == {len(COLUMNS)}


async def test_t39_no_operation_takes_what_the_service_decides(
    api: Api, contract: Contract, database: Database
) -> None:
    asking = Asking(contract, api, database)
    nowhere = Place(False, {name: str(uuid4()) for name in examples.PATH_PARAMETERS})
    smuggled = {
        "status": "issued",
        "state": "issued",
        "approved_by": str(uuid4()),
        "requester_id": str(uuid4()),
        "created_at": "2030-01-01T00:00:00Z",
    }
    tried = 0
    for operation in operations(contract):
        if (body := asking.body(operation, nowhere)) is None:
            continue
        path = operation.path.format_map(nowhere.ids)
        headers = {"If-Match": "*"}
        content = body | smuggled
        problem = await api.send(operation.method, path, 422, json=content, headers=headers)
        assert faults_of(problem.json()) == {(f"/{name}", "unknown-field") for name in smuggled}
        tried += 1
    assert tried > 15


async def test_t34_every_operation_answers_as_the_table_says(
    estate: Estate, contract: Contract, database: Database, settings: Settings
) -> None:
    table = expected()
    asking = Asking(contract, estate.api, database)
    surprises = []
    async with prepared(estate, settings, database) as columns:
        for operation in operations(contract):
            cells = table[operation.name]
            for column, (caller, place), wanted in zip(COLUMNS, columns, cells, strict=True):
                about = await asking.fresh(operation, place) if wanted[0] == "2" else place
                said = await answer(asking, caller, operation, about)
                if said != wanted:
                    surprises.append(f"{operation.name}, {column}: {said}, not {wanted}")
    assert not surprises, "\n".join(surprises)
