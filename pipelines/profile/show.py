"""A profile for people: tables on the terminal, and one picture."""

from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from pipelines.profile.diagnosis import diagnose, thread_count
from pipelines.profile.forecast import done_by, forecast, forecast_error, roofline, stage_total
from pipelines.profile.measurements import Profile, Worker

_COLOURS = ("#888780", "#378ADD", "#1D9E75", "#D85A30", "#7F77DD", "#BA7517")


def print_profile(profile: Profile, console: Console) -> None:
    """Stages, the loader at each number of threads, instructions, the device, roofs, and the diagnosis."""
    for table in (_stages(profile), _in_place(profile), _operations(profile), _device(profile), _roofs(profile)):
        if table.row_count:
            console.print(table)
    console.print(diagnose(profile), highlight=False, markup=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _stages(profile: Profile) -> Table:
    threads = sorted(profile.stages)
    title = "Stages in isolation, µs a picture (and thread, of the threads' stages)"
    table = _table(title, "stage", "done by", *[thread_count(count) for count in threads])
    for name in profile.stages[threads[-1]]:
        spreads = [profile.stages[count].get(name) for count in threads]
        cells = ["" if s is None else f"{s.median:.0f} ({s.least:.0f} to {s.most:.0f})" for s in spreads]
        table.add_row(name, done_by(profile, name), *cells)
    for worker in get_args(Worker):
        totals = [stage_total(profile, count, worker) for count in threads]
        if any(totals):
            table.add_row("all", worker, *[f"{total:.0f}" for total in totals])
    return table


def _in_place(profile: Profile) -> Table:
    columns = ("threads", "img/s", "forecast", "error", "CPU ms/img", "minor faults", "major faults", "memory")
    table = _table("The loader", *columns)
    for threads, found in sorted(profile.in_place.items()):
        rate, cost = found.images_per_second, found.cpu_ms
        table.add_row(
            str(threads),
            f"{rate.median:,.0f} ({rate.least:,.0f} to {rate.most:,.0f})",
            f"{forecast(profile, threads):,.0f}",
            f"{forecast_error(profile, threads):+.1%}",
            f"{cost.median:.3f} ({cost.least:.3f} to {cost.most:.3f})",
            f"{found.minor_faults:,}",
            f"{found.major_faults:,}",
            f"{found.memory / 2**20:,.0f} MiB",
        )
    return table


def _operations(profile: Profile) -> Table:
    table = _table("Instructions of the policy", "instruction", "a picture", "µs each", "µs a picture")
    for name, (count, microseconds) in profile.operations.items():
        table.add_row(name, f"{count:.2f}", f"{microseconds:.1f}", f"{count * microseconds:.1f}")
    return table


def _device(profile: Profile) -> Table:
    """Copy, normalisation and a step; what was not measured says why."""
    device = profile.device
    table = _table(f"The device, {device.name}", "part", "µs a picture")
    parts = {
        "copy from the host": (device.copy_us, "no GPU" if device.name == "CPU" else "decoded there"),
        "normalisation": (device.normalise_us, ""),
        f"training step, {device.model or 'no network'}": (device.step_us, "give --model, such as resnet50"),
    }
    for name, (microseconds, reason) in parts.items():
        table.add_row(name, reason if microseconds is None else f"{microseconds:.1f}")
    return table


def _roofs(profile: Profile) -> Table:
    table = _table("What each part allows", "part", "img/s")
    for name, rate in sorted(roofline(profile).items(), key=lambda item: item[1]):
        table.add_row(name, f"{rate:,.0f}")
    if profile.disk is not None:
        cold = "" if profile.disk.cold else "; the file system keeps its pages, so no cold rate"
        table.caption = f"{profile.disk.cached_share:.0%} of the set was cached when the profile began{cold}"
    return table


def plot(profile: Profile, out: Path) -> None:
    """Stacked stages of the threads, or of the GPU, by number of threads, with the measured loader, and the roofs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    _plot_stages(profile, left)
    _plot_roofs(profile, right)
    figure.suptitle(f"{Path(profile.data).name}, {profile.backend}, {profile.size} px")
    figure.savefig(out, dpi=150)


def _plot_stages(profile: Profile, axes) -> None:
    threads = sorted(profile.stages)
    bottom, worker = [0.0] * len(threads), "device" if "device" in profile.done_by.values() else "threads"
    own = [name for name in profile.stages[threads[-1]] if done_by(profile, name) == worker]
    for colour, name in zip(_COLOURS, own):
        spreads = [profile.stages[count].get(name) for count in threads]
        heights = [0.0 if spread is None else max(0.0, spread.median) for spread in spreads]
        axes.bar([str(count) for count in threads], heights, bottom=bottom, color=colour, width=0.6, label=name)
        bottom = [low + height for low, height in zip(bottom, heights)]
    at_a_time = [count if worker == "threads" else 1 for count in threads]
    rates = [profile.in_place[count].images_per_second.median for count in threads]
    measured = [1e6 * count / rate for count, rate in zip(at_a_time, rates)]
    places = range(len(threads))
    axes.hlines(measured, [n - 0.35 for n in places], [n + 0.35 for n in places], "black", label="loader, measured")
    axes.set(xlabel="threads", ylabel=f"µs a picture{' and thread' if worker == 'threads' else ' on the GPU'}")
    axes.set_ylim(0, 1.35 * max(*bottom, *measured))
    axes.legend(loc="upper left", ncols=2, fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _plot_roofs(profile: Profile, axes) -> None:
    roofs = sorted(roofline(profile).items(), key=lambda item: -item[1])
    names, rates = [name for name, _ in roofs], [rate for _, rate in roofs]
    colours = ["#D85A30" if name == "GPU" else "#1D9E75" if name.startswith("loader") else "#B5D4F4" for name in names]
    axes.barh(names, rates, color=colours, height=0.6)
    for row, rate in enumerate(rates):
        axes.text(rate, row, f" {rate:,.0f}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set(xlabel="img/s that each part allows")
    axes.set_xlim(min(rates) / 2, max(rates) * 4)
    axes.spines[["top", "right"]].set_visible(False)
