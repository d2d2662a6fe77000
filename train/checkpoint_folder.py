"""The checkpoints of a run folder: the newest three and the best, and which of them a run continues from.

RUN/checkpoints/epoch-0012-step-00004692.pt         finished epochs and steps; its sha256 is beside it
RUN/checkpoints/last.pt, best.pt                    links to the newest, and to the one of the least test error
"""

from collections.abc import Callable
from pathlib import Path

from layermix.errors import InputError
from layermix.files import sync_folder
from models import Checkpoint, load_checkpoint, save_checkpoint
from models.checkpoint import BEST_CHECKPOINT, LAST_CHECKPOINT, DamagedCheckpointError, digest_path

KEPT = 3
_PATTERN = "epoch-*-step-*.pt"


class CheckpointFolder:
    """The checkpoints below the run folder `run`; one process at a time may use it."""

    def __init__(self, run: Path):
        self.last, self.best = run / LAST_CHECKPOINT, run / BEST_CHECKPOINT
        self._folder = self.last.parent

    def save(self, checkpoint: Checkpoint, *, is_best: bool) -> Path:
        """Write the checkpoint, let `last.pt`, and `best.pt` where it is the best, stand for it, and drop old ones."""
        path = self._folder / f"epoch-{checkpoint.epoch:04d}-step-{checkpoint.step:08d}.pt"
        save_checkpoint(path, checkpoint)
        self.link(path, is_best=is_best)
        self._drop_old()
        return path

    def newest(self, warn: Callable[[str], None]) -> tuple[Path, Checkpoint] | None:
        """The newest checkpoint that is sound, and its path; None where the folder holds none at all.

        A damaged one is renamed to `NAME.damaged` and `warn` is told so. Raises `InputError` where all are damaged, now
        or when last looked at, or one is of another program or version.
        """
        paths = self._paths() or [self.last] * self.last.exists()
        for path in reversed(paths):
            try:
                return path, load_checkpoint(path)
            except DamagedCheckpointError as error:
                _set_aside(path)
                warn(f"warning: {error}. It is {path.name}.damaged now, and the one before it is tried")
        damaged = list(self._folder.glob("*.pt.damaged"))
        if damaged:  # a launcher that starts the run again would otherwise begin it anew, with an empty log
            raise InputError(
                f"{self._folder}: all {len(damaged)} checkpoints are damaged; put a copy back, or start anew in "
                "another --out folder"
            )
        return None

    def link(self, path: Path, *, is_best: bool) -> None:
        """Let `last.pt`, and `best.pt` where it is the best, stand for `path`."""
        for name in (self.last, self.best) if is_best else (self.last,):
            _link(name, path.name)

    def _paths(self) -> list[Path]:
        """All checkpoints, the oldest first: their names sort by epoch and step."""
        return sorted(self._folder.glob(_PATTERN))

    def _drop_old(self) -> None:
        for path in self._paths()[:-KEPT]:
            if path != self.best.resolve():
                path.unlink()
                digest_path(path).unlink(missing_ok=True)


def _link(name: Path, target: str) -> None:
    """Make `name` a symbolic link to its neighbour `target`, in one step whether or not it was one to another."""
    new = name.with_name(f"{name.name}.partial")
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(name)
        sync_folder(name.parent)
    except OSError as error:
        raise InputError(
            f"{name}: cannot be made a link ({error.strerror}); choose an --out folder on a file system with links"
        ) from error


def _set_aside(path: Path) -> None:
    damaged = path.with_name(f"{path.name}.damaged")
    if digest_path(path).exists():
        digest_path(path).replace(digest_path(damaged))
    path.replace(damaged)
