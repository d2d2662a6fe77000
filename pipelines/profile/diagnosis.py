"""One sentence: what bounds the run, and the change that helps most."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from pipelines.profile.forecast import roofline, stage_total
from pipelines.profile.measurements import Profile

DECODE, RESIZE, MIX = "decode", "crop, resize, flip", "mix"
"""Stages that a change can take away or make smaller."""
_SHORT_SIDE = 8 / 7
"""Short side over crop at which ImageNet is usually stored: 256 for 224."""


@dataclass(frozen=True)
class Change:
    """Something a user can do. what: as an imperative.  saved: microseconds a picture of the loader's threads."""

    what: str
    saved: float


def diagnose(profile: Profile) -> str:
    """What bounds the rate of training from this loader, and what to do about it."""
    threads = max(profile.in_place)
    rate, wanted = profile.in_place[threads].images_per_second.median, profile.gpu_rate
    roofs = roofline(profile)
    gpu = f"the GPU eats {wanted:,.0f} img/s ({profile.gpu_rate_source})"
    if rate >= wanted:
        return (
            f"GPU-bound: {gpu}, and the loader gives {rate / wanted:.1f} times that with {thread_count(threads)}; "
            f"{ceil(threads * wanted / rate)} are enough."
        )
    if roofs.get("bus", rate) < rate:
        return f"bus-bound: {gpu}, the copy to it allows {roofs['bus']:,.0f}; use a slot with more lanes."
    disk = f" The disk, when cold, gives {roofs['disk, cold']:,.0f} img/s." if _is_slow(roofs, wanted) else ""
    stage, total = _largest(profile, threads), stage_total(profile, threads)
    cores = f"{_cores(wanted, total)} cores of this kind fill it, {threads} give {rate:,.0f} img/s"
    best = max(_changes(profile, threads), key=lambda change: change.saved, default=None)
    advice = "more cores alone help"
    if best is not None:
        advice = f"{best.what} needs {_cores(wanted, total - best.saved)}"
    return f"{stage}-bound: {gpu}; {cores}; {advice}.{disk}"


def _is_slow(roofs: dict[str, float], wanted: float) -> bool:
    return "disk, cold" in roofs and roofs["disk, cold"] < wanted


def _largest(profile: Profile, threads: int) -> str:
    stages = profile.stages[threads]
    return max(stages, key=lambda name: stages[name].median).partition(",")[0]


def _changes(profile: Profile, threads: int) -> Iterator[Change]:
    """Changes with what they save, from the measured stages; the one of the short side scales with the pixels."""
    cost = {name: spread.median for name, spread in profile.stages[threads].items()}
    side = round(profile.size * _SHORT_SIDE)
    if cost.get(DECODE, 0) > 0:
        yield Change("a .beton without decoding (--yuv, twice to five times the bytes)", cost[DECODE])
        if profile.short_side is not None and side < profile.short_side:
            saved = cost[DECODE] * (1 - (side / profile.short_side) ** 2)
            yield Change(f"short side {profile.short_side} -> {side}", saved)
    if cost.get(MIX, 0) > 0:
        yield Change("mixing on the GPU", cost[MIX])


def _cores(rate: float, microseconds: float) -> int:
    return max(1, ceil(rate * microseconds / 1e6))


def thread_count(count: int) -> str:
    """In words."""
    return "1 thread" if count == 1 else f"{count} threads"
