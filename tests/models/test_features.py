"""`models.features`: the features are what the head reads."""

import pytest
import torch
from torch import nn

from layermix.errors import InputError
from models import ModelConfig, build_model
from models.features import last_linear, logits_and_feature_map, logits_and_features


@pytest.mark.parametrize(
    ("name", "width"), [("wrn_10_1", 64), ("resnet18_cifar", 512), ("resnext29_4x32d", 1024), ("resnet50", 2048)]
)
def test_logits_are_the_head_of_the_features(name, width):
    classifier = build_model(ModelConfig(name=name, num_classes=3)).eval()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        logits, features = logits_and_features(classifier, images)
        assert features.shape == (2, width)
        assert torch.equal(last_linear(classifier)(features), logits)
        assert torch.equal(classifier(images), logits)
    assert not last_linear(classifier)._forward_pre_hooks


@pytest.mark.parametrize(
    ("name", "shape"),
    [("wrn_10_1", (64, 16)), ("resnet18_cifar", (512, 8)), ("resnext29_4x32d", (1024, 16)), ("resnet50", (2048, 2))],
)
def test_logits_are_the_head_of_the_mean_of_the_feature_map(name, shape):
    classifier = build_model(ModelConfig(name=name, num_classes=3)).eval()
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    logits, features = logits_and_feature_map(classifier, images)
    assert features.shape == (2, shape[0], shape[1], shape[1])
    torch.testing.assert_close(last_linear(classifier)(features.mean(dim=(2, 3))), logits)
    (gradients,) = torch.autograd.grad(logits.sum(), features)
    assert gradients.abs().sum() > 0
    assert not any(module._forward_hooks for module in classifier.modules())


def test_a_network_without_a_linear_layer_is_named():
    with pytest.raises(InputError, match="Conv2d: must have a linear layer, got none"):
        logits_and_features(nn.Conv2d(3, 4, 1), torch.zeros(2, 3, 4, 4))


def test_a_head_that_is_called_twice_is_refused_and_the_hook_is_gone():
    layer = nn.Linear(4, 4)
    network = nn.Sequential(layer, layer)
    with pytest.raises(InputError, match="must be called once"):
        logits_and_features(network, torch.zeros(2, 4))
    assert not layer._forward_pre_hooks
