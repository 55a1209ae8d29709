"""DCE/RPC over TCP (C706, MS-RPCE): an endpoint mapper and the interface ICPR of a CA."""

from scm_api.sandbox.microsoft.rpc.faults import RpcFault
from scm_api.sandbox.microsoft.rpc.server import RunningRpc, serve_rpc
from scm_api.sandbox.microsoft.rpc.settings import RpcBehaviour

__all__ = ["RpcBehaviour", "RpcFault", "RunningRpc", "serve_rpc"]
