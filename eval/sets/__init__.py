"""The pictures of benchmarks: from a loader, arrays, class folders or videos, over one small protocol."""

from eval.sets.arrays import ArrayPictures
from eval.sets.folders import FolderPictures
from eval.sets.loader import LoaderPictures
from eval.sets.protocol import NO_LABEL, BadPicturesError, PictureBatch, PictureSet
from eval.sets.unlabelled import Unlabelled

__all__ = [
    "NO_LABEL",
    "ArrayPictures",
    "BadPicturesError",
    "FolderPictures",
    "LoaderPictures",
    "PictureBatch",
    "PictureSet",
    "Unlabelled",
]
