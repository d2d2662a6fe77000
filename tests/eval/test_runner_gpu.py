"""An evaluation on a GPU gives the CPU's answers and waits for nothing but them.

.venv/bin/python -m pytest -m gpu
"""

import numpy as np
import pytest
import torch

from eval.network import Answer, Arithmetic
from eval.philox import uniforms
from eval.runner import collect_predictions
from eval.suites.pgd import PgdAttack, PgdCell
from eval.suites.protocol import Cell
from models import ModelConfig, build_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    pytest.mark.filterwarnings("ignore:Synchronization debug mode"),  # torch's own, at the first call
]
GPU = torch.device("cuda")


def test_random_numbers_are_those_of_the_cpu_to_the_last_bit():
    ids = torch.tensor([0, 5, 2**47])
    found = uniforms((7, 2**63), ids.to(GPU), 3, 3071).cpu()
    torch.testing.assert_close(found, uniforms((7, 2**63), ids, 3, 3071), rtol=0, atol=0)


def test_predictions_are_those_of_the_cpu_up_to_rounding(new_subject, new_classifier, pictures, new_run, tmp_path):
    cells = [
        Cell(pictures=pictures),
        Cell(key="kept", pictures=pictures, kept=(2, 0, 1)),
        PgdCell(pictures=pictures, attack=PgdAttack(steps=3)),
    ]
    found = {}
    for device in ("cpu", "cuda"):
        subject = new_subject(classifier=new_classifier().to(device))
        run = new_run(store=tmp_path / device, arithmetic=Arithmetic(device=torch.device(device)))
        predictions, problems = collect_predictions([subject], cells, run)
        assert not problems
        found[device] = {key: cell.logits for key, cell in predictions["model"].items()}
    for key, expected in found["cpu"].items():
        np.testing.assert_allclose(found["cuda"][key], expected, atol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_batches_are_submitted_and_answers_fetched_without_waiting_for_the_device(precision, pictures):
    network = build_model(ModelConfig(name="wrn_10_1", num_classes=3)).to(GPU).eval()
    arithmetic, kept = Arithmetic(device=GPU, precision=precision), torch.tensor([2, 0], device=GPU)

    def submit() -> Answer:
        return Answer(network(arithmetic.send(pictures.images)).index_select(1, kept), keep_logits=False)

    with torch.no_grad(), arithmetic.active():
        submit()  # loads libraries
        try:
            torch.cuda.set_sync_debug_mode("error")
            answers = [submit() for _ in range(3)]
        finally:
            torch.cuda.set_sync_debug_mode("default")
    for answer in answers:
        logits, order = answer.arrays()
        np.testing.assert_array_equal(order[:, 0], logits.argmax(axis=1))
