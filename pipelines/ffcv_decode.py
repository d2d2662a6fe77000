"""The first stage of the FFCV graph: decode, crop, resize and flip, drawn by the counter generator."""

from dataclasses import replace

import numpy as np
from ffcv.fields.rgb_image import SimpleRGBImageDecoder
from ffcv.pipeline.allocation_query import AllocationQuery
from ffcv.pipeline.state import State

from layermix.compilation import jit
from layermix.resize import crop_scratch, resize_ycc
from layermix.yuv import yuv_bytes, yuv_planes, yuv_to_rgb
from pipelines.addresses import address_of, int64_at, uint8_at
from pipelines.beton import JPEG, RAW
from pipelines.config import LoaderConfig
from pipelines.crops import Crop, crop_box, crop_picture, is_mirrored, is_resized
from pipelines.jpeg_crop import decoded_bytes, jpeg_crop, jpeg_whole
from pipelines.turbojpeg import FUNCTIONS, REST_IGNORED, close_decoder, open_decoder


class CropDecoder(SimpleRGBImageDecoder):
    """Decodes a picture into scratch memory and writes the wanted crop, uint8 (size, size, 3).

    The pixels are a function of (stored bytes, seed, epoch, sample id). Memory does not grow with the batch: each call
    has room for one picture, the largest of the file.

    Args:
        config: crop, flip, size and seed.
        epoch: int64 (1,), read at run time.
        failures: uint8, one a sample of the file; set to 1 for a sample that does not decode, or of which the decoder
            remarks on something: its pixels may be right.
    """

    def __init__(self, config: LoaderConfig, epoch: np.ndarray, failures: np.ndarray) -> None:
        super().__init__()
        self._config, self._epoch, self._failures = config, epoch, failures

    def declare_state_and_memory(self, previous_state: State) -> tuple[State, AllocationQuery]:
        """Declare an output of uint8 (size, size, 3) a sample."""
        shape = (self._config.size, self._config.size, 3)
        state = replace(previous_state, jit_mode=True, shape=shape, dtype=np.dtype("u1"))
        return state, AllocationQuery(shape, np.dtype("u1"))

    def generate_code(self):
        """The closure that ffcv puts into its graph; it fills and returns `destination`."""
        crop, functions_at, ending_at = Crop.of(self._config), address_of(FUNCTIONS), address_of(REST_IGNORED)
        epoch_at, failures_at, known = address_of(self._epoch), address_of(self._failures), self._failures.size
        count, letters = FUNCTIONS.size, REST_IGNORED.size
        decoded = decoded_bytes(self.metadata["height"], self.metadata["width"])
        work = crop_scratch(int(self.metadata["width"].max()), self._config.size)

        def decode(batch_indices, destination, metadata, storage_state):
            library = int64_at(functions_at, (count,)), uint8_at(ending_at, (letters,))
            scratch = np.empty(decoded, np.uint8), np.empty(work, np.uint8)
            epoch, failures = int64_at(epoch_at, (1,))[0], uint8_at(failures_at, (known,))
            decode_batch(library, batch_indices, metadata, storage_state, crop, epoch, scratch, failures, destination)
            return destination

        decode.span = "decode, crop, resize"
        return decode


@jit
def decode_batch(library, ids, metadata, storage, crop, epoch, scratch, failures, out):
    """Decode the samples `ids`, (N,), into `out`, uint8 (N, size, size, 3); see `CropDecoder`."""
    contents, addresses, sizes = storage
    decoder = open_decoder(library[0])
    for n in range(ids.shape[0]):
        field = metadata[ids[n]]
        address, height, width = field["data_ptr"], np.int64(field["height"]), np.int64(field["width"])
        data = stored_bytes(address, contents, addresses, sizes)
        mode = np.int64(field["mode"])
        if not _decode(library, decoder, data, mode, height, width, crop, epoch, ids[n], scratch, out[n]):
            failures[ids[n]] = 1
    close_decoder(library[0], decoder)


@jit
def stored_bytes(address, contents, addresses, sizes):
    """What is stored at an address, uint8 (bytes,). A file mapped read-only is a type of its own to Numba; not this."""
    data = contents[address : address + sizes[np.searchsorted(addresses, address)]]
    return uint8_at(data.ctypes.data, (data.size,))


@jit
def _decode(library, decoder, data, mode, height, width, crop, epoch, sample_id, scratch, out):
    """One sample into `out`, uint8 (size, size, 3); False if a fault was found."""
    if mode != RAW and is_resized(crop):
        box, mirrored = crop_box(crop, epoch, sample_id, height, width), is_mirrored(crop, epoch, sample_id)
        if mode == JPEG:
            return jpeg_crop(library, decoder, data, height, width, box, mirrored, scratch, out)
        return _yuv_crop(data, height, width, box, mirrored, scratch[1], out)
    pixels = data if mode == RAW else scratch[0][: 3 * height * width]
    if pixels.size != 3 * height * width:
        return False
    picture = pixels.reshape(height, width, 3)
    done = mode == RAW or _whole(library, decoder, data, mode, picture)
    crop_picture(picture, crop, epoch, sample_id, scratch[1], out)
    return done


@jit
def _yuv_crop(data, height, width, box, mirrored, scratch, out):
    """The crop `box`, (top, left, height, width) in pixels, resized to `out`; False if the picture is damaged."""
    if data.size != yuv_bytes(height, width):
        return False
    luma, blue, red = yuv_planes(data, height, width)
    top, left, high, wide = np.float64(box[0]), np.float64(box[1]), np.float64(box[2]), np.float64(box[3])
    resize_ycc(luma, blue, red, 2, 2, top, left, high, wide, mirrored, scratch, out)
    return True


@jit
def _whole(library, decoder, data, mode, picture):
    """A JPEG or YUV picture in all its pixels, to uint8 (height, width, 3); False if a fault was found."""
    if mode == JPEG:
        return jpeg_whole(library, decoder, data, picture)
    if data.size != yuv_bytes(picture.shape[0], picture.shape[1]):
        return False
    yuv_to_rgb(data, picture)
    return True
