"""From the name of a network to the network."""

from torch import nn

from models.blur_pool import add_blur_pool
from models.classifier import Classifier
from models.config import ModelConfig, wide_resnet_size
from models.resnet_cifar import ResNet18
from models.resnext_cifar import ResNeXt29
from models.wide_resnet import WideResNet


def build_model(config: ModelConfig) -> Classifier:
    """The classifier that `config` describes, on the CPU, with weights drawn from torch's generator.

    The weights that `config.weights` names are put in by `models.weights.load_initial_weights`.
    """
    network = _network(config)
    if config.blur_pool:
        add_blur_pool(network)
    return Classifier(config, network)


def _network(config: ModelConfig) -> nn.Module:
    size = wide_resnet_size(config.name)
    if size is not None:
        return WideResNet(*size, config.num_classes, config.dropout)
    return _FIXED_NETWORKS[config.name](config.num_classes)


def _resnet50(num_classes: int) -> nn.Module:
    from torchvision.models import resnet50  # seconds to import, and only this network needs it

    return resnet50(weights=None, num_classes=num_classes)


_FIXED_NETWORKS = {"resnet18_cifar": ResNet18, "resnext29_4x32d": ResNeXt29, "resnet50": _resnet50}
