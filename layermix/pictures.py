"""From the bytes of an untrusted picture file to RGB pixels.

Every function is pure and safe to call from several threads. Pictures are known by their content, never by
their names: ImageNet holds a PNG named JPEG and 22 CMYK JPEGs. Imported on request only: `import layermix` needs no
Pillow.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image, ImageFile

from layermix.errors import InputError
from layermix.jpeg import decode_jpeg, find_damage

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Types that are decoded. Others stay shut: Pillow would start Ghostscript for an EPS file."""

MAX_PIXELS = 89_478_485
"""Largest picture that is decoded (Pillow's own limit, 268 MB of RGB); more is taken for a decompression bomb."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureFile:
    """The bytes of a picture file with the header read; `name` is what errors call it.

    InputError, here and in `pixels`: an empty, truncated or damaged file, a JPEG of which pixels would be made up, a
    type outside FORMATS, more than MAX_PIXELS, 32-bit or floating-point pixels.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if not data:
            raise InputError(f"{name}: the file is empty; replace it or remove it")
        self.name, self._data = name, data
        with _pillow_errors(name):
            self._image = Image.open(io.BytesIO(data), formats=FORMATS)
            if self._image.width * self._image.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{self._image.width} x {self._image.height}")

    @property
    def jpeg_mode(self) -> str | None:
        """ "L", "RGB" or "CMYK" of a JPEG; None for any other picture."""
        return self._image.mode if self._image.format in ("JPEG", "MPO") else None

    @property
    def stored_size(self) -> tuple[int, int]:
        """(height, width) in pixels as the file holds the picture, before an EXIF tag turns it."""
        return self._image.height, self._image.width

    def upright_jpeg_size(self) -> tuple[int, int] | None:
        """(height, width) of a gray or RGB JPEG that no EXIF tag turns; None for any other picture.

        Known from the header: the pixels may still be damaged.
        """
        is_plain = self.jpeg_mode in ("L", "RGB")
        return self.stored_size if is_plain and _orientation(self._image) not in _TURNS else None

    def upright(self, pixels: np.ndarray) -> np.ndarray:
        """The picture, uint8 (H, W, 3) as the file holds it, turned as its EXIF tag says; itself if it is upright."""
        turn = _TURNS.get(_orientation(self._image))
        return pixels if turn is None else np.array(Image.fromarray(pixels).transpose(turn))

    def pixels(self) -> np.ndarray:
        """Decode the whole file into upright uint8 RGB of shape (H, W, 3).

        EXIF orientation is applied (a block that cannot be read counts as upright), gray is replicated,
        16-bit gray is scaled to 8 bits, CMYK and palettes are converted, transparency is dropped as
        torchvision's folder loader does, and of an animation the first frame is taken. Gray and RGB JPEGs are decoded
        by libturbojpeg, to Pillow's pixels: Pillow decodes damaged data without a word.
        """
        mode = self.jpeg_mode
        if mode in ("L", "RGB"):
            pixels, damage = decode_jpeg(self._data, *self.stored_size)
            self._require_none(damage)
            return self.upright(pixels)
        if mode == "CMYK":
            self._require_none(find_damage(self._data, *self.stored_size, is_cmyk=True))
        with _pillow_errors(self.name):
            self._image.load()
            turn = _TURNS.get(_orientation(self._image))
            return _to_rgb(self._image if turn is None else self._image.transpose(turn))

    def _require_none(self, damage: str) -> None:
        if damage:
            raise InputError(
                f"{self.name}: cannot be decoded whole ({damage}), pixels would be made up; replace it or remove it"
            )


def decode_image(data: bytes, name: str) -> np.ndarray:
    """The `pixels` of a PictureFile: upright uint8 RGB of shape (H, W, 3); InputError with `name`."""
    return PictureFile(data, name).pixels()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Within the block Pillow's remarks on odd metadata are not printed; its bomb warning is raised, not printed.

    Cut pictures are refused, whatever another library has told Pillow. All of this belongs to the process: enter this
    once, in the main thread, around a whole run.
    """
    told = ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = told


@contextlib.contextmanager
def _pillow_errors(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on hostile bytes inside the block into an InputError."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"more than {MAX_PIXELS} pixels, refused as a decompression bomb ({error})"
        raise InputError(f"{name}: {reason}; shrink it or remove it") from error
    except Image.UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise InputError(f"{name}: not a picture of type {known}; replace it or remove it") from error
    except Exception as error:  # Pillow's decoders raise a dozen types on hostile bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name}: cannot be decoded ({reason}); replace it or remove it") from error


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged tag block hides no pixels; see PictureFile.pixels
        return 1


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        gray = np.asarray(image).astype(np.uint32)
        return np.repeat(((gray * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no fixed range; convert it to 8 bits")
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))
