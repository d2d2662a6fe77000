"""What on a GPU would make the host wait, found on a CPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = {torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero, torch.ops.aten.equal, torch.ops.aten.is_nonzero}


class NoWaiting(TorchDispatchMode):
    """Fails where a value is fetched, for which a program on a GPU would wait."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.overloadpacket not in WAITING, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))
