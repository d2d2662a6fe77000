"""The instruction set: what a policy writes and an engine runs.

A program is a row of `INSTRUCTION` records, run in order up to the first `END`. Registers hold pictures, uint8
(H, W, 3):

    0         the source picture, never written
    1         the result, memory of the caller
    2, 3, ..  scratch; their number is `Policy.scratch_registers`
    total     int32 (H, W, 3) with 16 fractional bits, for weighted sums; there where `Policy.needs_accumulator`

| op            | dst  | reads | parameters                                                              |
| ------------- | ---- | ----- | ----------------------------------------------------------------------- |
| COPY          | any  | a     |                                                                         |
| EQUALIZE      | any  | a     |                                                                         |
| AUTOCONTRAST  | any  | a     |                                                                         |
| GRAYSCALE     | any  | a     |                                                                         |
| BRIGHTNESS    | any  | a     | p0: factor >= 0                                                         |
| POSTERIZE     | any  | a     | i0: bits kept, 0 to 8                                                   |
| SOLARIZE      | any  | a     | i0: values at or above it are inverted; 0 inverts all, 256 none         |
| CONTRAST      | any  | a     | p0: factor f, 0 to 64: f a + (1 - f) mean of GRAYSCALE(a)               |
| COLOR         | any  | a     | p0: factor f, 0 to 64: f a + (1 - f) GRAYSCALE(a)                       |
| SHARPNESS     | != a | a     | p0: factor f, 0 to 64: f a + (1 - f) smooth(a)                          |
| INVERT        | any  | a     | 255 - a                                                                 |
| MIRROR        | != a | a     | left-right                                                              |
| ERASE         | any  | a     | i0..i3: rectangle; p0: value inside it, a whole number 0 to 255         |
| ROTATE        | != a | a     | p0: degrees, counter-clockwise                                          |
| SHEAR_X, _Y   | != a | a     | p0: tangent                                                             |
| TRANSLATE_X, _Y | != a | a   | p0: pixels                                                              |
| ARITHMETIC    | any  | a, b  | p0, p1: the weights p and q                                             |
| GEOMETRIC     | any  | a, b  | p0, p1: the exponents p and q                                           |
| PIXEL_MASK    | any  | a, b  | i0: probability of a in 1/65536, 0 to 65536; k0, k1: key of the mask    |
| ELEMENT_MASK  | any  | a, b  | the same                                                                |
| PATCH_ARITHMETIC, PATCH_GEOMETRIC | any | a, b | i0..i3: rectangle; p0, p1 as above                   |
| PATCH_PIXEL_MASK, PATCH_ELEMENT_MASK | any | a, b | i0..i3: rectangle; p0: i0 of the whole blend; k0, k1 as above |
| FRACTAL       | any  |       | i0: picture, i1: top, i2: left, i3: 1 flips left-right, 2 top-bottom    |
| SUM_START     | total | a    | p0: weight w, 0 to 1: total = w a                                       |
| SUM_ADD       | total | a    | p0: weight w, 0 to 1: total += w a; weights of one sum are at most 1 in all |
| SUM_STORE     | any  | total |                                                                         |

`any` includes the registers that are read. Warps are bilinear about the centre with zero fill. A write to a uint8
register rounds to the nearest integer, halves up, and clips to 0..255, once an instruction. Factors and weights of
sums are first rounded to 1/65536, halves up.

A rectangle is top, left, height, width; it may be empty or lie partly or wholly outside the picture. A patch blend is
its blend inside the rectangle and `a` outside: PATCH_X(a, b) = X(a, b) where inside, else a. Its mask has the entries
of the mask of the whole picture.

GRAYSCALE values are rounded to 8 bits before they are used; their mean is rounded to 1/65536, halves up. smooth(a) is
the sum of the 3 x 3 neighbours, the middle one weighted 5 times, over 13, rounded to 8 bits; on the outermost rows and
columns smooth(a) = a, and so everywhere in a picture less than 3 high or wide.
"""

import numpy as np

INSTRUCTION = np.dtype(
    [("op", "u1"), ("dst", "u1"), ("a", "u1"), ("b", "u1"), ("k0", "<u4"), ("k1", "<u4")]
    + [(f"i{n}", "<i4") for n in range(4)]
    + [("p0", "<f4"), ("p1", "<f4")]
)
"""One record of a program, 36 bytes."""

END, COPY, EQUALIZE, AUTOCONTRAST, GRAYSCALE, BRIGHTNESS, POSTERIZE, SOLARIZE = range(8)
CONTRAST, COLOR, SHARPNESS, INVERT, MIRROR, ERASE = range(8, 14)
ROTATE, SHEAR_X, SHEAR_Y, TRANSLATE_X, TRANSLATE_Y = range(16, 21)
ARITHMETIC, GEOMETRIC, PIXEL_MASK, ELEMENT_MASK = range(32, 36)
PATCH_ARITHMETIC, PATCH_GEOMETRIC, PATCH_PIXEL_MASK, PATCH_ELEMENT_MASK = range(40, 44)
FRACTAL = 48
SUM_START, SUM_ADD, SUM_STORE = range(56, 59)

PATCH = PATCH_ARITHMETIC - ARITHMETIC
"""What turns a blend's number into its patch blend's."""

SOURCE, RESULT, SCRATCH = 0, 1, 2
"""Register numbers: the source, the result and the first scratch register."""
