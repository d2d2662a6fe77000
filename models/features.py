"""What the logits of a network are read from: the input of its last linear layer, and its last feature map."""

from torch import Tensor, nn

from layermix.errors import InputError


def logits_and_features(classifier: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits `(N, num_classes)` and penultimate features `(N, D)`, the input of the last linear layer.

    One forward pass of `classifier` in the mode it is in; every network of `models.build_model` has such a layer.
    Raises `InputError` for a network without one, or one that calls it other than once with a row a picture.
    """
    seen: list[Tensor] = []
    handle = last_linear(classifier).register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    try:
        logits = classifier(images)
    finally:
        handle.remove()
    shapes = [tuple(features.shape) for features in seen]
    if len(seen) != 1 or seen[0].ndim != 2 or len(seen[0]) != len(images):
        raise InputError(
            f"{type(classifier).__name__}: its last linear layer must be called once with ({len(images)}, D), "
            f"got {shapes}; only networks that end in a linear head have penultimate features"
        )
    return logits, seen[0]


def logits_and_feature_map(classifier: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits `(N, num_classes)` and the last feature map `(N, C, h, w)`, which they are computed from.

    That is the output of the last module called that still has places: of every network of `models.build_model` the
    activations of the last stage, before they are averaged over places. One forward pass, in the mode that
    `classifier` is in. Raises `InputError` for a network without feature maps.
    """
    seen: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            seen[:] = [output]

    handles = [module.register_forward_hook(keep) for module in classifier.modules()]
    try:
        logits = classifier(images)
    finally:
        for handle in handles:
            handle.remove()
    if not seen or len(seen[0]) != len(images):
        raise InputError(
            f"{type(classifier).__name__}: must have a feature map for each picture, got none; "
            "only convolutional networks have them"
        )
    return logits, seen[0]


def last_linear(classifier: nn.Module) -> nn.Linear:
    """The `nn.Linear` that was registered last; `InputError` where there is none."""
    layers = [module for module in classifier.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise InputError(
            f"{type(classifier).__name__}: must have a linear layer, got none; "
            "only networks that end in a linear head have penultimate features"
        )
    return layers[-1]
