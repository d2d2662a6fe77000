"""The stages of the FFCV graph in isolation: batches in parts by threads that wait for each other, as in the loader."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle

import numpy as np
import torch

from layermix.compilation import jit
from layermix.resize import crop_scratch
from pipelines.beton import JPEG
from pipelines.clock import nanoseconds
from pipelines.crops import Crop, crop_box, is_mirrored
from pipelines.epoch_loader import open_bank
from pipelines.ffcv_decode import CropDecoder, stored_bytes
from pipelines.ffcv_epoch import parts_of_batch
from pipelines.ffcv_loader import FFCVLoader
from pipelines.ffcv_mix import Mix
from pipelines.jpeg_crop import decoded_bytes, jpeg_decode, resize_decoded
from pipelines.profile.isolated import Run, Stages, batches_of, by_caller, in_batches, with_rest
from pipelines.turbojpeg import FUNCTIONS, REST_IGNORED, close_decoder, open_decoder

_READ, _DECODE, _RESIZE, _MIX = "read", "decode", "crop, resize, flip", "mix"
_PAGE = 4096


class FFCVStages:
    """What the threads and the caller of an open loader do, on its file mapped into memory.

    Reading is a touch of every page, so that the disk is waited for there; the decoder reads the same memory again.
    """

    def __init__(self, loader: FFCVLoader) -> None:
        self._config, self._loader = loader.config, loader
        self._storage = loader.graph.memory_manager.schedule_epoch([])
        self._pictures = loader.graph.reader.column("image")
        self._epoch, self._failures = np.zeros(1, np.int64), np.zeros(loader.num_samples, np.uint8)
        self._mixing = self._open_mixing()
        is_resized = loader.config.crop in ("random_resized", "center")
        self._cut = self._jpegs if is_resized and (self._pictures["mode"] == JPEG).all() else self._others
        self._crop = self._cropper()
        self._mix = None if self._mixing is None else self._mixing.generate_code()

    def _open_mixing(self) -> Mix | None:
        """The stage that mixes; its code reads the bank by address, so it has to live as long as the stages."""
        config = self._config
        if config.policy is None:
            return None
        return Mix(config.policy, open_bank(config), seed=config.seed, epoch=self._epoch)

    def _cropper(self) -> Callable:
        """The loader's own stage of decoding, cropping, resizing and flipping."""
        decoder = CropDecoder(self._config, self._epoch, self._failures)
        decoder.accept_globals(self._pictures, None)
        return decoder.generate_code()

    def stages(self) -> list[Stages]:
        """Read; decode, where there are JPEGs; crop, resize and flip; mix, where there is a policy; batch assembly."""
        images = torch.from_numpy(self._pixels()).to(self._config.device)

        def assemble(ids: np.ndarray) -> None:
            """The images of a batch, which are there, with all that comes along with them."""
            self._loader.assemble(images[: len(ids)], slice(len(ids)))

        assembly = {"batch assembly": in_batches(assemble, self._config.batch_size)}
        return [Stages("threads", self._threads), by_caller(assembly)]

    @contextmanager
    def _threads(self, threads: int) -> Iterator[Run]:
        """Threads that take parts of one batch after the other; results go round in as many slots as the loader has."""
        slots = cycle([(self._pixels(), self._pixels()) for _ in range(self._config.batches_ahead + 2)])
        with ThreadPoolExecutor(threads) as pool:

            def run(ids: np.ndarray) -> dict[str, float]:
                started, found = time.perf_counter(), list[dict[str, float]]()
                for batch, slot in zip(batches_of(ids, self._config.batch_size), slots):
                    parts = parts_of_batch(len(batch), threads)
                    by_part = [[values[part] for part in parts] for values in (batch, *slot)]
                    found += pool.map(self._part, *by_part)
                seconds = threads * (time.perf_counter() - started)
                return with_rest({name: sum(part[name] for part in found) for name in found[0]}, seconds)

            yield run

    def _part(self, ids: np.ndarray, pictures: np.ndarray, out: np.ndarray) -> dict[str, float]:
        """Make some pictures of a batch: seconds by stage."""
        seconds = self._cut(ids, pictures)
        if self._mix is not None:
            started = time.perf_counter()
            self._mix(pictures, out, ids)
            seconds[_MIX] = time.perf_counter() - started
        return seconds

    def _jpegs(self, ids: np.ndarray, out: np.ndarray) -> dict[str, float]:
        library, pictures, crop = (FUNCTIONS, REST_IGNORED), self._pictures, Crop.of(self._config)
        decoded = np.empty(decoded_bytes(pictures["height"], pictures["width"]), np.uint8)
        work = np.empty(crop_scratch(int(pictures["width"].max()), self._config.size), np.uint8)
        spent = np.zeros(4, np.int64)
        _cut_jpegs(library, ids, pictures, self._storage.state, crop, (decoded, work), out, spent)
        return dict(zip((_READ, _DECODE, _RESIZE), (spent[:3] / 1e9).tolist()))

    def _others(self, ids: np.ndarray, out: np.ndarray) -> dict[str, float]:
        started = time.perf_counter()
        _touch_all(ids, self._pictures["data_ptr"], self._storage.state)
        was_read = time.perf_counter()
        self._crop(ids, out, self._pictures, self._storage.state)
        return {_READ: was_read - started, _RESIZE: time.perf_counter() - was_read}

    def _pixels(self) -> np.ndarray:
        return np.zeros((self._config.batch_size, self._config.size, self._config.size, 3), np.uint8)


@jit
def _touch(data):
    """Read a byte of every page of some memory, uint8 (bytes,)."""
    total = 0
    for place in range(0, data.size, _PAGE):
        total += data[place]
    return total


@jit
def _touch_all(ids, pointers, storage):
    """Touch what is stored of some samples."""
    contents, addresses, sizes = storage
    total = 0
    for n in range(ids.shape[0]):
        total += _touch(stored_bytes(pointers[ids[n]], contents, addresses, sizes))
    return total


@jit
def _cut_jpegs(library, ids, pictures, storage, crop, scratch, out, spent):
    """Do with JPEGs what `pipelines.ffcv_decode.decode_batch` does, and add up nanoseconds of its stages.

    Args:
        spent: int64 (4,), of reading, decoding, and cropping; and what was touched, or the compiler would leave it out.
    """
    contents, addresses, sizes = storage
    pixels, work = scratch
    decoder = open_decoder(library[0])
    for n in range(ids.shape[0]):
        started = nanoseconds()
        field = pictures[ids[n]]
        address, height, width = field["data_ptr"], np.int64(field["height"]), np.int64(field["width"])
        data = stored_bytes(address, contents, addresses, sizes)
        spent[3] += _touch(data)
        was_read = nanoseconds()
        box, mirrored = crop_box(crop, 0, ids[n], height, width), is_mirrored(crop, 0, ids[n])
        decoded = jpeg_decode(library, decoder, data, height, width, box, out.shape[1], pixels)
        was_decoded = nanoseconds()
        if decoded[0] != 0:
            resize_decoded(decoded, pixels, height, width, box, mirrored, work, out[n])
        spent[0] += was_read - started
        spent[1] += was_decoded - was_read
        spent[2] += nanoseconds() - was_decoded
    close_decoder(library[0], decoder)
