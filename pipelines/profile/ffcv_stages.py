"""The stages of the FFCV graph in isolation."""

import numpy as np
import torch

from layermix.compilation import jit
from pipelines.beton import JPEG
from pipelines.crops import Crop, crop_box
from pipelines.epoch_loader import open_bank
from pipelines.ffcv_decode import CropDecoder, stored_bytes
from pipelines.ffcv_loader import FFCVLoader
from pipelines.ffcv_mix import Mix
from pipelines.jpeg_crop import decoded_bytes, jpeg_decode
from pipelines.profile.isolated import PART, Prefix, Run, alone, in_batches, on_threads
from pipelines.turbojpeg import FUNCTIONS, REST_IGNORED, close_decoder, open_decoder


class FFCVStages:
    """Prefixes of the graph of an open loader, on the file mapped into memory."""

    def __init__(self, loader: FFCVLoader) -> None:
        self._config, self._beton, self._loader = loader.config, loader.graph.reader, loader
        shape = loader.config.batch_size, loader.config.size, loader.config.size, 3
        self._images = torch.zeros(shape, dtype=torch.uint8, device=loader.config.device)
        self._storage = loader.graph.memory_manager.schedule_epoch([])
        self._pictures = self._beton.column("image")
        self._epoch, self._failures = np.zeros(1, np.int64), np.zeros(loader.num_samples, np.uint8)
        self._mixing = self._open_mixing()

    def _open_mixing(self) -> Mix | None:
        """The stage that mixes; its code reads the bank by address, so it has to live as long as the prefixes."""
        config = self._config
        if config.policy is None:
            return None
        return Mix(config.policy, open_bank(config), seed=config.seed, epoch=self._epoch)

    def prefixes(self) -> list[Prefix]:
        """Read; decode, where there are JPEGs; crop, resize and flip; mix, where there is a policy; batch assembly."""
        found = [Prefix("read", on_threads(self._read))]
        if (self._pictures["mode"] == JPEG).all() and self._config.crop in ("random_resized", "center"):
            found.append(Prefix("decode", on_threads(self._decode)))
        found.append(Prefix("crop, resize, flip", on_threads(self._crop)))
        if self._mixing is not None:
            found.append(Prefix("mix", on_threads(self._mix)))
        return [
            *found,
            Prefix("batch assembly", alone(in_batches(self._assemble, self._config.batch_size)), by="caller"),
        ]

    def _read(self) -> Run:
        contents, addresses, sizes = self._storage.state
        buffer = np.empty(int(self._beton.sizes.max()), np.uint8)
        pointers = self._pictures["data_ptr"]

        def run(ids: np.ndarray) -> None:
            _copy_stored(ids, pointers, contents, addresses, sizes, buffer)

        return run

    def _decode(self) -> Run:
        pixels = np.empty(decoded_bytes(self._pictures["height"], self._pictures["width"]), np.uint8)
        crop, library = Crop.of(self._config), (FUNCTIONS, REST_IGNORED)

        def run(ids: np.ndarray) -> None:
            _decode_stored(library, ids, self._pictures, self._storage.state, crop, self._config.size, pixels)

        return run

    def _crop(self) -> Run:
        decoder = CropDecoder(self._config, self._epoch, self._failures)
        decoder.accept_globals(self._pictures, None)
        decode, out = decoder.generate_code(), self._pixels()

        def run(ids: np.ndarray) -> None:
            decode(ids, out[: len(ids)], self._pictures, self._storage.state)

        return run

    def _mix(self) -> Run:
        assert self._mixing is not None  # for the type checker: `prefixes` asked
        mix = self._mixing.generate_code()
        decoder = CropDecoder(self._config, self._epoch, self._failures)
        decoder.accept_globals(self._pictures, None)
        decode, pictures, out = decoder.generate_code(), self._pixels(), self._pixels()

        def run(ids: np.ndarray) -> None:
            count = len(ids)
            mix(decode(ids, pictures[:count], self._pictures, self._storage.state), out[:count], ids)

        return run

    def _assemble(self, ids: np.ndarray) -> None:
        """The images of a batch, which are there, with all that comes along with them."""
        self._loader.assemble(self._images[: len(ids)], slice(len(ids)))

    def _pixels(self) -> np.ndarray:
        return np.empty((PART, self._config.size, self._config.size, 3), np.uint8)


@jit
def _copy_stored(ids, pointers, contents, addresses, sizes, buffer):
    """Copy the stored bytes of some samples, one after the other, into `buffer`."""
    for n in range(ids.shape[0]):
        data = stored_bytes(pointers[ids[n]], contents, addresses, sizes)
        buffer[: data.size] = data


@jit
def _decode_stored(library, ids, pictures, storage, crop, size, pixels):
    """Decode what the crops of some samples need, and do nothing with it."""
    contents, addresses, sizes = storage
    decoder = open_decoder(library[0])
    for n in range(ids.shape[0]):
        field = pictures[ids[n]]
        address, height, width = field["data_ptr"], np.int64(field["height"]), np.int64(field["width"])
        data = stored_bytes(address, contents, addresses, sizes)
        box = crop_box(crop, 0, ids[n], height, width)
        jpeg_decode(library, decoder, data, height, width, box, size, pixels)
    close_decoder(library[0], decoder)
