"""How pictures are stored, as the user chose it."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from layermix.errors import InputError

RAW_SIDE = 64
"""In mode "auto" a picture whose longer side is at most this many pixels is stored raw: JPEG would cost it detail."""

MAX_SIDE = 65500
"""Longest side that can be stored: the limit of JPEG encoders, a little below the 16 bits of a .beton."""


Check = Literal["decode", "header"]
"""What is asked of a JPEG that keeps its bytes: that it decodes, or that its header is good and its end is there."""


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """How pictures are stored.

    mode: "raw" pixels; "yuv", planes as of `layermix.yuv`; "jpeg", every picture encoded anew; or "auto": raw up to
        RAW_SIDE, otherwise JPEG, where a JPEG that needs no change keeps its original bytes.
    quality: of newly encoded JPEGs, 1 to 100.
    short_side, max_side: largest allowed shorter and longer side in pixels; None for no limit;
        never enlarged.
    check: of the JPEGs that keep their bytes, in mode "auto"; "header" only for a source that is known to be sound.
    """

    mode: Literal["auto", "raw", "yuv", "jpeg"] = "auto"
    quality: int = 90
    short_side: int | None = None
    max_side: int | None = None
    check: Check = "decode"

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise InputError(f"--quality must be from 1 to 100, got {self.quality}; 90 is usual")
        for flag, side in (("--short-side", self.short_side), ("--max-side", self.max_side)):
            if side is not None and not 1 <= side <= MAX_SIDE:
                rule = f"must be from 1 to {MAX_SIDE} pixels, got {side}"
                raise InputError(f"{flag} {rule}; leave it out to keep the sizes")
        if self.check == "header" and self.mode != "auto":
            raise InputError("--check header is for JPEGs that keep their bytes, and here none does; leave it out")

    def describe(self) -> dict[str, Any]:
        """The options that take part, for the manifest; no `check` says that all pictures were decoded."""
        options = dataclasses.asdict(self)
        if self.check == "decode":
            del options["check"]
        if self.mode in ("raw", "yuv"):
            del options["quality"]
        return options
