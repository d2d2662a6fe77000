"""From the stages in isolation to the rate of the whole loader, and how far off that is."""

from pipelines.profile.measurements import REST, Profile, Worker


def forecast(profile: Profile, threads: int) -> float:
    """Pictures a second of a loader whose threads, caller and device each do their stages, one after the other.

    The three work at a time, so the slowest sets the rate: a graph on a GPU is as fast as the device, or as the host
    that reads for it, and not as both in turn. Where the threads have all cores, the caller takes its time from theirs.
    The stages were measured with as many threads at a time, so what cores and memory lose by sharing is in them.
    """
    by_threads = stage_total(profile, threads) / threads
    caller, device = stage_total(profile, threads, "caller"), stage_total(profile, threads, "device")
    shared = caller / profile.cores if threads >= profile.cores else 0.0
    return 1e6 / max(by_threads + shared, caller, device)


def stage_total(profile: Profile, threads: int, worker: Worker = "threads") -> float:
    """Microseconds a picture of all stages of one worker; a picture and thread, of the threads, waits and all."""
    stages = profile.stages[threads].items()
    return sum(spread.median for name, spread in stages if done_by(profile, name) == worker)


def done_by(profile: Profile, stage: str) -> Worker:
    """Who does a stage: the threads, where the profile does not say."""
    return profile.done_by.get(stage, "threads")


def forecast_error(profile: Profile, threads: int) -> float:
    """(forecast - measured) / measured at a number of threads."""
    measured = profile.in_place[threads].images_per_second.median
    return forecast(profile, threads) / measured - 1


def roofline(profile: Profile) -> dict[str, float]:
    """Pictures a second that each part allows by itself: stages at the most threads, disk, bus, normalisation, GPU."""
    threads = max(profile.stages)
    roofs = {}
    for name, spread in profile.stages[threads].items():
        if spread.median > 0 and name != REST:
            roofs[name] = (threads if done_by(profile, name) == "threads" else 1) * 1e6 / spread.median
    if profile.disk is not None:
        roofs["disk, warm cache"] = profile.disk.warm / profile.disk.bytes_per_image
        if profile.disk.cold is not None:
            roofs["disk, cold"] = profile.disk.cold / profile.disk.bytes_per_image
    device = profile.device
    for name, microseconds in (("bus", device.copy_us), ("normalisation", device.normalise_us)):
        if microseconds and device.name != "CPU":  # without a GPU, normalising belongs to no loader
            roofs[name] = 1e6 / microseconds
    roofs["loader, all stages"] = profile.in_place[threads].images_per_second.median
    roofs["GPU"] = profile.gpu_rate
    return roofs
