"""A disk that fills at any byte of a write: a named error, nothing accepted, and the write goes on later."""

import resource
import signal

import forked
import numpy as np
import pytest
from picture_files import ListSource, smooth_picture

from layermix.errors import InputError
from layermix.manifest import FORMATS, read_manifest
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions

PICTURES = [smooth_picture(30, 40, n) for n in range(40)]

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def write(path, **flags):
    format = next(name for name, suffix in FORMATS.items() if suffix == path.suffix)
    return write_file(ListSource(PICTURES), path, ImageLayout(StoreOptions(), format), options={}, threads=2, **flags)


def write_on_full_disk(path, limit):
    """Ends without an error when the write ends with the named one."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    with pytest.raises(InputError, match=r"x\.[.a-z]*: cannot be written \(File too large\)"):
        write(path)


@pytest.mark.parametrize("trials", [2, pytest.param(50, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("suffix", FORMATS.values())
def test_a_full_disk_is_a_named_error_and_the_write_goes_on_later(tmp_path, suffix, trials, count):
    whole = write(tmp_path / f"whole{suffix}")
    for trial, share in enumerate(np.linspace(0, 0.999, trials).tolist()):
        path = tmp_path / str(trial) / f"x{suffix}"
        limit = int(share * whole.bytes)
        assert forked.wait(forked.start(lambda path=path, limit=limit: write_on_full_disk(path, limit))) == 0
        with pytest.raises(InputError):
            read_manifest(path)
        assert write(path, resume=True).sha256 == whole.sha256
        count("full disk", "named error, resumed to the same bytes")
