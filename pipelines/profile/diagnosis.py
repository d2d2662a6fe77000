"""One sentence: what bounds the run, and the change that helps most."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from pipelines.profile.forecast import done_by, roofline, stage_total
from pipelines.profile.measurements import REST, Profile, Worker

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
        enough = ceil(threads * wanted / rate)
        return (
            f"GPU-bound: {gpu}, and the loader gives {rate / wanted:.1f} times that with {thread_count(threads)}; "
            f"{enough} {'is' if enough == 1 else 'are'} enough."
        )
    if roofs.get("bus", rate) < rate:
        return f"bus-bound: {gpu}, the copy to it allows {roofs['bus']:,.0f}; use a slot with more lanes."
    advice = _advice_on_device(profile, threads) or _advice(profile, threads)
    disk = f" The disk, when cold, gives {roofs['disk, cold']:,.0f} img/s." if _is_slow(roofs, wanted) else ""
    stage = _largest(profile, threads, _slowest(profile, threads))
    return f"{stage}-bound: {gpu}; {advice}.{disk}"


def _advice(profile: Profile, threads: int) -> str:
    """Of a loader on the processor: the cores that fill the GPU, and those with the change that saves most."""
    rate, wanted = profile.in_place[threads].images_per_second.median, profile.gpu_rate
    total = stage_total(profile, threads)
    cores = f"{_cores(wanted, total)} cores of this kind fill it, {threads} give {rate:,.0f} img/s"
    best = max(_changes(profile, threads), key=lambda change: change.saved, default=None)
    if best is None:
        return f"{cores}; more cores alone help"
    saved = f"{best.what} needs {_cores(wanted, total - best.saved)} (saves {best.saved / 1e3:.2f} ms a picture)"
    return f"{cores}; {saved}"


def _advice_on_device(profile: Profile, threads: int) -> str | None:
    """Of a graph that runs on the GPU: what it and the host allow there; None of one on the processor."""
    device, caller = (stage_total(profile, threads, worker) for worker in ("device", "caller"))
    if not device:
        return None
    said = f"decoding to mixing on it allow {1e6 / device:,.0f} img/s beside no training, the host {1e6 / caller:,.0f}"
    if caller > device:
        return f"{said}; reading and drawing are one thread's, so more processes with a part of the GPU each help"
    smaller = next((change for change in _changes(profile, threads) if change.what.startswith("short side")), None)
    if smaller is None:
        return f"{said}; decoding on the processor (--backend dali-cpu) takes that from the GPU"
    return f"{said}; {smaller.what} allows {1e6 / (device - smaller.saved):,.0f}"


def _slowest(profile: Profile, threads: int) -> Worker:
    """Who sets the rate."""
    times: dict[Worker, float] = {
        "threads": stage_total(profile, threads) / threads,
        "caller": stage_total(profile, threads, "caller"),
        "device": stage_total(profile, threads, "device"),
    }
    return max(times, key=lambda worker: times[worker])


def _is_slow(roofs: dict[str, float], wanted: float) -> bool:
    return "disk, cold" in roofs and roofs["disk, cold"] < wanted


def _largest(profile: Profile, threads: int, worker: Worker) -> str:
    """The stage that takes most of a worker's time."""
    stages = profile.stages[threads]
    own = [name for name in stages if done_by(profile, name) == worker and name != REST]
    return max(own, key=lambda name: stages[name].median).partition(",")[0]


def _changes(profile: Profile, threads: int) -> Iterator[Change]:
    """Changes with what they save, from the measured stages; the one of the short side scales with the pixels."""
    cost = {name: spread.median for name, spread in profile.stages[threads].items()}
    side = round(profile.size * _SHORT_SIDE)
    if cost.get(DECODE, 0) > 0:
        yield Change("a .beton without decoding (--yuv, twice to five times the bytes)", cost[DECODE])
        if profile.short_side is not None and side < profile.short_side:
            saved = cost[DECODE] * (1 - (side / profile.short_side) ** 2)
            yield Change(f"short side {profile.short_side} -> {side}", saved)
    if cost.get(MIX, 0) > 0 and done_by(profile, MIX) != "device":
        yield Change("mixing on the GPU", cost[MIX])


def _cores(rate: float, microseconds: float) -> int:
    return max(1, ceil(rate * microseconds / 1e6))


def thread_count(count: int) -> str:
    """In words."""
    return "1 thread" if count == 1 else f"{count} threads"
