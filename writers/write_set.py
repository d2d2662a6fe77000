"""Writing a source as a set of shards: by one process, by the ranks of torchrun, or one shard at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layermix.errors import InputError
from layermix.manifest import Manifest
from writers.bad import OnBad
from writers.dataset import write_file
from writers.formats.layouts import Layout
from writers.identity import Part, identity_of
from writers.manifest import withdraw_manifest
from writers.ranks import Rank, sign_of_life, wait_for_shards
from writers.renumber import renumber
from writers.shards import finished_shards, plan_shards, publish_set, shard_path
from writers.source import Source


@dataclass(frozen=True, kw_only=True)
class SetWriter:
    """A source, how it is stored, and the number of files; the arguments are those of `write_file`."""

    source: Source
    out: Path
    layout: Layout
    options: Mapping[str, Any]
    shards: int
    threads: int = 1
    overwrite: bool = False
    resume: bool = False
    on_bad: OnBad = "fail"
    advance: Callable[[int], None] = lambda pictures: None

    def write_as(self, rank: Rank, patience: float) -> Manifest | None:
        """Write this rank's shards; rank 0 then waits for all others, publishes the set and returns its manifest.

        InputError: as for `write_file`, and a rank that dies; what is written stays, to be resumed.
        """
        self._refuse_file()
        parts = plan_shards(len(self.source), self.shards)
        if rank.number == 0 and self.overwrite:
            withdraw_manifest(self.out)
        with sign_of_life(self.out, rank):
            for index in rank.shards(self.shards):
                self._write(parts[index])
            if rank.number != 0:
                return None
            identities = self._identities(parts)
            wait_for_shards(self.out, lambda: _missing(finished_shards(self.out, parts, identities)), rank, patience)
            return self._publish(parts)

    def write_one(self, index: int) -> Manifest | None:
        """Write one shard. If it was the last one missing, publish the set and return its manifest."""
        self._refuse_file()
        parts = plan_shards(len(self.source), self.shards)
        if not 0 <= index < self.shards:
            raise InputError(f"--shard-index must be from 0 to {self.shards - 1}, got {index}; see --shards")
        self._write(parts[index])
        return None if self._unfinished(parts) else self._publish(parts)

    def publish(self) -> Manifest:
        """Publish the set of shards that are all finished. InputError names those that are not."""
        parts = plan_shards(len(self.source), self.shards)
        missing = self._unfinished(parts)
        if missing:
            listed = ", ".join(map(str, missing[:20]))
            raise InputError(
                f"{self.out}: shards {listed} of {self.shards} are not finished, or were written from another source "
                "or with other options; write them with --shard-index"
            )
        return self._publish(parts)

    def _write(self, part: Part) -> None:
        write_file(
            self.source,
            shard_path(self.out, part.index, self.shards),
            self.layout,
            options=self.options,
            threads=self.threads,
            overwrite=self.overwrite,
            resume=self.resume,
            on_bad=self.on_bad,
            part=part,
            advance=self.advance,
        )

    def _publish(self, parts: Sequence[Part]) -> Manifest:
        identities, manifests, first_id = self._identities(parts), [], 0
        for part, identity, manifest in zip(parts, identities, finished_shards(self.out, parts, identities)):
            if manifest is None:
                raise InputError(f"{self.out}: shard {part.index} is being written again; publish once it is finished")
            if manifest.first_id not in (None, first_id):
                manifest = renumber(shard_path(self.out, part.index, self.shards), manifest, first_id, identity)
            manifests.append(manifest)
            first_id += manifest.count
        return publish_set(self.out, manifests)

    def _unfinished(self, parts: Sequence[Part]) -> list[int]:
        return _missing(finished_shards(self.out, parts, self._identities(parts)))

    def _identities(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        return [identity_of(self.source, self.layout, self.options, part) for part in parts]

    def _refuse_file(self) -> None:
        if self.out.exists():
            raise InputError(f"--out {self.out} exists, and a set of shards is no file; choose another --out")


def _missing(manifests: Sequence[Manifest | None]) -> list[int]:
    return [index for index, manifest in enumerate(manifests) if manifest is None]
