"""From the stages in isolation to the rate of the whole loader, and how far off that is."""

from pipelines.profile.measurements import Profile


def forecast(profile: Profile, threads: int) -> float:
    """Pictures a second of a loader whose threads do nothing but the stages, one after the other.

    The stages were measured with as many threads at a time, so what cores and memory lose by sharing is in them.
    """
    return threads * 1e6 / stage_total(profile, threads)


def stage_total(profile: Profile, threads: int) -> float:
    """Microseconds a picture and thread of all stages."""
    return sum(spread.median for spread in profile.stages[threads].values())


def forecast_error(profile: Profile, threads: int) -> float:
    """(forecast - measured) / measured at a number of threads."""
    measured = profile.in_place[threads].images_per_second.median
    return forecast(profile, threads) / measured - 1


def roofline(profile: Profile) -> dict[str, float]:
    """Pictures a second that each part allows by itself: stages at the most threads, disk, bus, normalisation, GPU."""
    threads = max(profile.stages)
    costs = {name: spread.median for name, spread in profile.stages[threads].items()}
    roofs = {name: threads * 1e6 / cost for name, cost in costs.items() if cost > 0}
    if profile.disk is not None:
        roofs["disk, warm cache"] = profile.disk.warm / profile.disk.bytes_per_image
        if profile.disk.cold is not None:
            roofs["disk, cold"] = profile.disk.cold / profile.disk.bytes_per_image
    device = profile.device
    for name, microseconds in (("bus", device.copy_us), ("normalisation", device.normalise_us)):
        if microseconds and device.copy_us:  # without a GPU, normalising belongs to no loader
            roofs[name] = 1e6 / microseconds
    roofs["loader, all stages"] = profile.in_place[threads].images_per_second.median
    roofs["GPU"] = profile.gpu_rate
    return roofs
