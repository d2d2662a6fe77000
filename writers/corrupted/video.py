"""Videos of perturbation sequences: H.264 in MP4, as ImageNet-P has them, through PyAV."""

import io

import av
import numpy as np


def encode_video(frames: np.ndarray, *, grain: bool) -> bytes:
    """An MP4 of uint8 RGB frames (T, H, W, 3), H and W even, one a second.

    The published settings: preset veryslow, with `grain` (noise) tuned for it at the default quality, else at constant
    quality 20; 4:4:4, which ffmpeg takes for RGB. One thread, so that the bytes do not depend on the machine's cores.
    """
    quality = {"tune": "grain", "crf": "23"} if grain else {"crf": "20"}
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "veryslow", **quality})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv444p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()
