"""DeepSpeed behind five methods: the only file that imports it.

What is switched off, and why: the shared-memory op and FusedAdam, because both compile C++ at run
time (minutes, and a killed compile leaves a lock that blocks every later process); managed gradient
accumulation, because it assumes equal micro-batches, where ours are cut by a token budget.
"""

import gc
import os
import socket
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import deepspeed
import psutil
import torch
from deepspeed.accelerator import get_accelerator
from torch import Tensor, nn
from torch.distributed import (  # type: ignore[attr-defined]  # torch exports it all the same
    DistError,
    TCPStore,
)

from spaces.settings import Optimisation
from trainables.contrast import Contrasting
from trainables.world import Rank

warnings.filterwarnings("ignore", message=".*(reduce_scatter|all_gather).*deprecated.*")

PATIENCE = timedelta(hours=2)
"""How long ranks wait for each other. Dead ones are found by Ray, not by this clock; rank 0 may be
held up between two steps by whoever takes its ticks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a phase is spread over processes. It changes rounding, never the meaning of a result."""

    rank: int = 0
    world_size: int = 1
    zero_stage: int = 0
    dtype: str = "fp32"
    token_budget: int = 8192

    @property
    def name(self) -> str:
        """Names the folder of checkpoints: a state resumes only under the layout that wrote it."""
        return f"w{self.world_size}-z{self.zero_stage}-{self.dtype}-t{self.token_budget}"


def join_process_group() -> None:
    """Bring up torch.distributed for this process; repeated calls do nothing.

    A lone process needs no socket: it rendezvouses with itself in memory and on loopback.
    """
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    if torch.distributed.is_initialized():
        return
    alone = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**alone, "MASTER_PORT": "29500"}.items():
        os.environ.setdefault(name, value)
    backend = _backend()
    if os.environ["WORLD_SIZE"] == "1":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    deepspeed.init_distributed(dist_backend=backend, verbose=False)


def meeting_point(host: str) -> TCPStore:
    """A store where the ranks of a gang meet, listening on one address and any free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, 0), family=family)
    port = listening.getsockname()[1]
    return TCPStore(
        host, port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach()
    )


def join_gang(
    rank: Rank, address: str, host: str, port: int, store: TCPStore | None = None
) -> None:
    """Bring up torch.distributed for one rank of several; returns when all have come.

    Args:
        rank: which one this process is.
        address: this node's own, in the network that connects the ranks.
        host: address of the meeting point.
        port: of the meeting point.
        store: the meeting point itself, in the process that opened it.
    """
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    os.environ |= {"RANK": str(rank.rank), "WORLD_SIZE": str(rank.world_size)}
    os.environ |= {"MASTER_ADDR": host, "MASTER_PORT": str(port)}
    os.environ["LOCAL_RANK"] = "0"  # Ray shows each process its own devices alone
    if interface := _interface(address):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    torch.distributed.init_process_group(
        _backend(),
        store=store or TCPStore(host, port, wait_for_workers=False),
        rank=rank.rank,
        world_size=rank.world_size,
        timeout=PATIENCE,
    )
    deepspeed.init_distributed(dist_backend=_backend(), verbose=False)


def _backend() -> str:
    """A plan without GPUs trains on CPUs also where there are GPUs."""
    return "nccl" if get_accelerator().device_name() == "cuda" else "gloo"


def _interface(address: str) -> str:
    """The network interface with an address; gloo would look for the host's name instead."""
    found = psutil.net_if_addrs().items()
    return next((name for name, all_ in found if address in {a.address for a in all_}), "")


def is_lost_connection(error: BaseException) -> bool:
    """Whether a collective failed because another rank, or the way to it, is gone."""
    # gloo has no error class of its own; its messages name the source file they come from.
    return isinstance(error, DistError) or (
        type(error) is RuntimeError and "gloo/transport" in str(error)
    )


class Engine:
    """One module under optimisation. Made for a phase and closed at its end."""

    def __init__(self, module: nn.Module, optimisation: Optimisation, layout: Layout) -> None:
        join_process_group()
        module.train()  # a module loaded by transformers starts in evaluation mode
        self.layout, self._optimisation = layout, optimisation
        self._engine, *_ = deepspeed.initialize(
            model=module,
            optimizer=_adamw(module, optimisation),
            config=_config(optimisation, layout),
            dist_init_required=False,
        )

    @property
    def device(self) -> torch.device:
        """Where the module lives."""
        return cast(torch.device, self._engine.device)

    @property
    def module(self) -> nn.Module:
        """The module in training; calling it directly works outside ``accumulate``."""
        return cast(nn.Module, self._engine.module)

    def accumulate(self, batch: Any, weight: float) -> Tensor:
        """Forward and backward of one micro-batch.

        Args:
            batch: what the module's ``forward`` takes; it returns the sum of its rows' losses.
            weight: one over the rows of the whole step; 0 for an empty micro-batch, which only
            keeps the ranks' collective operations in step.

        Returns:
            The detached share of the step's loss, a scalar on the device: no synchronisation here.
        """
        loss = self._engine(batch) * weight
        # DeepSpeed averages gradients over ranks; our loss is a sum over them.
        self._engine.backward(loss * self.layout.world_size)
        return cast(Tensor, loss.detach())

    def vectors(self, batch: Any) -> Tensor:
        """What the module's ``vectors`` gives without gradients, as precise as ``accumulate``."""
        lowered = self.layout.dtype == "bf16"
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=lowered):
            return cast(Contrasting, self.module).vectors(batch)

    def step(self, learning_rate: float) -> None:
        """Clip the whole step's gradient, update, clear."""
        for group in self._engine.optimizer.param_groups:
            group["lr"] = learning_rate
        self._engine.step()

    def discard(self) -> None:
        """Forget the gradients accumulated so far, as if the step had not begun."""
        self._engine.optimizer.zero_grad()

    def weights(self) -> dict[str, Tensor]:
        """All weights on the CPU, gathered over ranks (empty on other ranks than 0 at stage 3)."""
        if self.layout.zero_stage == 3:
            state = self._engine._zero3_consolidated_16bit_state_dict() or {}
        else:
            state = self._engine.module.state_dict()
        return {name: tensor.detach().cpu() for name, tensor in state.items()}

    def save(self, folder: Path, step: int) -> None:
        """Write a resumable state. Only ever read back by the user who wrote it."""
        self._engine.save_checkpoint(
            str(folder), tag=f"step-{step}", client_state={}, save_latest=False
        )

    def load(self, folder: Path, step: int) -> None:
        """Read a state written under the same layout.

        Raises:
            RuntimeError: DeepSpeed found nothing to load there.
        """
        path, _ = self._engine.load_checkpoint(str(folder), tag=f"step-{step}")
        if path is None:
            raise RuntimeError(f"no DeepSpeed checkpoint step-{step} in {folder}")

    def agree(self, value: int) -> int:
        """What rank 0 says, on every rank: its clock and its caller decide for all of them."""
        if self.layout.world_size == 1:
            return value
        said = torch.tensor(int(value), device=self.device)
        torch.distributed.broadcast(said, src=0)
        return int(said)

    def close(self) -> None:
        """Free what the engine holds; one process runs hundreds of phases."""
        self._engine.destroy()
        del self._engine
        gc.collect()


def _adamw(module: nn.Module, optimisation: Optimisation) -> torch.optim.Optimizer:
    """AdamW; biases and norms (one-dimensional) are not decayed, as is usual for these encoders."""
    trained = [p for p in module.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim > 1]
    plain = [p for p in trained if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": optimisation.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=optimisation.learning_rate,
        betas=(0.9, optimisation.beta2),
        fused=True,
    )


def _config(optimisation: Optimisation, layout: Layout) -> dict[str, Any]:
    """DeepSpeed ignores unknown keys without a word, so every key here is one it documents."""
    return {
        "train_micro_batch_size_per_gpu": 1,  # nominal: real micro-batches are cut by tokens
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,
        "gradient_clipping": optimisation.clip_norm,
        "zero_optimization": {"stage": layout.zero_stage},
        "zero_force_ds_cpu_optimizer": False,
        "torch_autocast": {"enabled": layout.dtype == "bf16", "dtype": "bfloat16"},
        "steps_per_print": 10**9,
        "wall_clock_breakdown": False,
    }
