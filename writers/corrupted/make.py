"""Making a corrupted set: its units spread over ranks and workers, noted as they are done, published when all are."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from layermix.files import atomic_file
from writers.bad import quarantine_list, quarantine_path
from writers.corrupted.layout import Layout
from writers.corrupted.unfinished import UnfinishedSet, bad_pictures
from writers.corrupted.workers import make_units
from writers.ranks import Rank, sign_of_life, wait_for_shards


def make_set(
    layout: Layout,
    unfinished: UnfinishedSet,
    rank: Rank,
    *,
    workers: int,
    patience: float,
    quarantine: bool,
    advance: Callable[[int], None],
) -> Mapping[str, Any] | None:
    """Make this rank's units; rank 0 then waits for the others, publishes the set and returns facts about it.

    InputError: as `Layout.make`, `Layout.finish` and `UnfinishedSet`, and a rank that is silent for `patience` seconds.
    """
    out = unfinished.out
    with sign_of_life(out, rank):
        done = unfinished.done()
        mine = [unit for unit in range(layout.units) if layout.owner(unit, rank.size) == rank.number]
        advance(sum(done[unit].written for unit in mine if unit in done))
        rest = [unit for unit in mine if unit not in done]
        _make_rest(layout, unfinished, rest, workers, advance)
        if rank.number != 0:
            return None
        wait_for_shards(out, lambda: _owners_of_rest(layout, unfinished, rank), rank, patience)
        return _publish(layout, unfinished, quarantine)


def _make_rest(
    layout: Layout, unfinished: UnfinishedSet, rest: list[int], workers: int, advance: Callable[[int], None]
) -> None:
    layout.begin(unfinished.folder, rest)
    try:
        with contextlib.closing(make_units(layout, unfinished.folder, rest, workers)) as results:
            for unit, result in results:
                unfinished.note(unit, result)
                advance(result.written)
    finally:
        unfinished.flush()


def _owners_of_rest(layout: Layout, unfinished: UnfinishedSet, rank: Rank) -> list[int]:
    done = unfinished.done()
    return sorted({layout.owner(unit, rank.size) for unit in range(layout.units) if unit not in done})


def _publish(layout: Layout, unfinished: UnfinishedSet, quarantine: bool) -> Mapping[str, Any]:
    bad = bad_pictures(unfinished.done())
    facts = {**layout.finish(unfinished.folder, bad), "skipped": len(bad)}
    listed = quarantine_path(unfinished.out)
    if quarantine:
        facts["quarantine"] = listed.name
        with atomic_file(listed) as file:
            file.write(quarantine_list(bad))
    else:
        listed.unlink(missing_ok=True)
    unfinished.publish(facts)
    return facts
