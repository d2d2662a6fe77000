"""The pictures of a report: what LayerMix does, and the worst errors; stored beside the record of the evaluation."""

from eval.illustrations.album import Album
from eval.illustrations.stored import (
    AugmentationRow,
    Illustrations,
    WorstError,
    WorstErrors,
    are_stored,
    read_illustrations,
    save_illustrations,
)

__all__ = [
    "Album",
    "AugmentationRow",
    "Illustrations",
    "WorstError",
    "WorstErrors",
    "are_stored",
    "read_illustrations",
    "save_illustrations",
]
