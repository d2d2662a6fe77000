"""The GPU's part: copy, normalisation, and a training step on one batch that stays there."""

import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F

from pipelines.profile.measurements import Device

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def measure_device(model: str | None, *, size: int, batch_size: int, device: str, repeats: int, copies: bool) -> Device:
    """Microseconds a picture of each part; on the CPU nothing is copied, and a step runs there if a model is named.

    Args:
        model: name of a torchvision network; None for no step.
        copies: whether the loader sends pictures to a GPU, rather than decode them there.
    """
    place = torch.device(device)
    host = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8)
    host = host.contiguous(memory_format=torch.channels_last)
    is_gpu = place.type == "cuda"
    images = host.to(place)

    def time_of(call: Callable[[], object]) -> float:
        return 1e6 * _seconds(call, place, repeats) / batch_size

    copied = host.pin_memory() if is_gpu else host
    return Device(
        name=torch.cuda.get_device_name(place) if is_gpu else "CPU",
        model=model,
        copy_us=time_of(lambda: copied.to(place, non_blocking=True)) if is_gpu and copies else None,
        normalise_us=time_of(lambda: normalise(images)),
        step_us=None if model is None else time_of(_whole_step(model, images)),
    )


def _whole_step(model: str, images: torch.Tensor) -> Callable[[], None]:
    step = training_step(model, images.device, num_classes=1000)
    labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    return lambda: step(normalise(images), labels)


def normalise(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 3, H, W) to float32 of mean 0 and deviation 1, as ImageNet's networks take it."""
    mean, std = _statistics(images.device)
    return (images.float() / 255 - mean) / std


@cache
def _statistics(place: torch.device) -> list[torch.Tensor]:
    """Mean and deviation on a device, copied there once: a copy from the host waits for all that the device does."""
    return [torch.tensor(values, device=place).view(1, 3, 1, 1) for values in (_MEAN, _STD)]


def training_step(model: str, place: torch.device, num_classes: int) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """A step of SGD of a torchvision network, channels_last, bfloat16 on a GPU: `step(normalised images, labels)`."""
    from torchvision.models import get_model

    network = get_model(model, weights=None, num_classes=num_classes).to(place).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        with torch.autocast(place.type, torch.bfloat16, enabled=place.type == "cuda"):
            loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def wait_for(place: torch.device) -> None:
    """Return when the device has done all that it was asked to."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def _seconds(call: Callable[[], object], place: torch.device, repeats: int) -> float:
    """Least of the means of three rounds of `repeats` calls, the device waited for at both ends."""
    call()
    rounds = []
    for _ in range(3):
        wait_for(place)
        started = time.perf_counter()
        for _ in range(repeats):
            call()
        wait_for(place)
        rounds.append((time.perf_counter() - started) / repeats)
    return min(rounds)
