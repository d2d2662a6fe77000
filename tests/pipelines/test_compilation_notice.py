"""Loaders say beforehand that the engine is compiled, where the compiled function that they run is not on disk."""

import pytest

from layermix import LayerMix
from pipelines import LoaderConfig, build_loader, dali_stage, epoch_loader


@pytest.mark.parametrize(("photographs", "on_disk"), [("photos", "run_programs"), ("dali_photos", "run_stage")])
def test_a_loader_is_silent_where_what_it_runs_is_on_disk(
    photographs, on_disk, fractal_bank, request, monkeypatch, caplog
):
    pytest.importorskip("nvidia.dali")
    config = LoaderConfig(
        data=request.getfixturevalue(photographs), batch_size=8, size=32, crop="center", policy=LayerMix(),
        fractals=fractal_bank,
    )  # fmt: skip
    functions = {"run_programs": epoch_loader.run_programs, "run_stage": dali_stage.run_stage}
    for name, function in functions.items():
        epoch_loader.tell_of_compilation.cache_clear()
        caplog.clear()
        monkeypatch.setattr(epoch_loader, "is_compiled", lambda asked, compiled=function: asked is compiled)
        with build_loader(config):
            assert ("compiling the engine" in caplog.text) == (name != on_disk)
