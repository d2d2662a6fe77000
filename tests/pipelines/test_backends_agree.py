"""One classifier sees the same test set through every loader: its top-1 classes are the same.

Tolerance: none in the class; 0.1 in the probability of a class, for decoders that enlarge chroma differently.
"""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from models import ModelConfig, build_model
from pipelines import LoaderConfig, build_loader

pytest.importorskip("nvidia.dali")


@pytest.fixture(scope="module")
def evaluation(photos) -> LoaderConfig:
    return LoaderConfig(data=photos, batch_size=16, size=48, crop="center", center_ratio=0.875, copy=True)


def pictures(config: LoaderConfig) -> torch.Tensor:
    """All pictures in file order."""
    with build_loader(config) as loader:
        return torch.cat([batch.images for batch in loader])


@pytest.fixture(scope="module")
def classifier(evaluation):
    """Tells the two photographs apart from which the pictures are cut."""
    images, labels = pictures(evaluation), torch.arange(40) // 10 % 2
    torch.manual_seed(0)
    model = build_model(ModelConfig(name="wrn_10_1", num_classes=2))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model.eval()


@torch.inference_mode()
def probabilities(model, images) -> torch.Tensor:
    return model(images).softmax(dim=1)


@pytest.mark.parametrize("backend", ["dali_photos", "photo_folder"])
def test_every_loader_leads_to_the_same_classes(backend, evaluation, classifier, request):
    reference = probabilities(classifier, pictures(evaluation))
    assert set(reference.argmax(dim=1).tolist()) == {0, 1}
    found = probabilities(classifier, pictures(replace(evaluation, data=request.getfixturevalue(backend))))
    assert torch.equal(found.argmax(dim=1), reference.argmax(dim=1))
    assert (found - reference).abs().max() < 0.1
