"""Between the two layouts of a picture: pixels (H, W, 3), which kernels take, and planes (3, H, W), torch's own.

torch and NumPy move one value at a time here, 100 us and more for a picture of 224 px; these loops are vectorised.
"""

import numpy as np

from layermix.compilation import jit


@jit
def to_pixels(planes, pixels):
    """Write uint8 (N, 3, H, W) to uint8 (N, H, W, 3), both C-contiguous."""
    for n in range(planes.shape[0]):
        a, o = planes[n].reshape(-1), pixels[n].reshape(-1)
        area = np.uint64(o.size // 3)
        for at in range(area):
            to = np.uint64(3) * at
            o[to] = a[at]
            o[to + np.uint64(1)] = a[area + at]
            o[to + np.uint64(2)] = a[area + area + at]


@jit
def to_planes(pixels, planes):
    """Write uint8 (N, H, W, 3) to uint8 (N, 3, H, W), both C-contiguous."""
    for n in range(planes.shape[0]):
        a, o = pixels[n].reshape(-1), planes[n].reshape(-1)
        area = np.uint64(o.size // 3)
        for at in range(area):
            start = np.uint64(3) * at
            o[at] = a[start]
            o[area + at] = a[start + np.uint64(1)]
            o[area + area + at] = a[start + np.uint64(2)]
