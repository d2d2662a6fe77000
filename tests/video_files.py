"""Short videos for the tests of sources that read them, made here."""

import io

import av
import numpy as np
from picture_files import smooth_picture


def moving_picture(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture that moves by a pixel a frame: uint8 (frames, height, width, 3)."""
    picture = smooth_picture(height, width + frames, seed)
    return np.stack([picture[:, frame : frame + width] for frame in range(frames)])


def mp4(frames: np.ndarray) -> bytes:
    """uint8 (T, H, W, 3) as an mp4 of high quality; sides must be even."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10, options={"qscale": "1", "flags": "+qscale"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.bit_rate = 8_000_000
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()
