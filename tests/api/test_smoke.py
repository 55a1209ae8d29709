from api_client import Api
from estate import Estate


async def test_chain(estate: Estate) -> None:
    chain = await estate.chain()
    print(chain)
    for _ in range(2):
        print(await estate.api.post(f"/ca-backends/{chain.ca_backend['id']}/check", status=200))
    print(await estate.api.everything("/audit-events"))


async def test_ready(api: Api) -> None:
    await api.get("/health/ready")
