"""The pictures of benchmarks: from a loader, arrays, class folders or videos, over one small protocol."""

from eval.sets.arrays import ArrayPictures
from eval.sets.loader import LoaderPictures
from eval.sets.protocol import BadPicturesError, PictureBatch, PictureSet

__all__ = ["ArrayPictures", "BadPicturesError", "LoaderPictures", "PictureBatch", "PictureSet"]
