"""Grad-CAM (Selvaraju et al. 2017): which places of a picture speak for the class that a model said."""

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eval.illustrations.album import LARGEST_SIDE
from models.features import logits_and_feature_map

STRENGTH = 0.5
"""Share of the shades in an overlay; the rest is the picture."""

AT_ONCE = 16
"""Pictures of a forward and backward pass."""


def grad_cam(classifier: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Maps float32 (N, h, w) for the logits of `classes`, int64 (N,), at the resolution of the last feature map.

    Feature maps weighed by the mean gradient of the logit, summed, without what is below 0, over the largest of the
    picture: 0 to 1, and all 0 where nothing speaks for the class. `images` are uint8 (N, 3, H, W); `classifier` is in
    evaluation mode and gathers no gradients.
    """
    pixels = (images.float() / 255).requires_grad_()  # a graph, also where all weights are frozen
    with torch.enable_grad():
        logits, features = logits_and_feature_map(classifier, pixels)
        own = logits.gather(1, classes[:, None]).sum()
    (gradients,) = torch.autograd.grad(own, features)
    maps = F.relu((gradients.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)).detach().float()
    largest = maps.amax(dim=(1, 2), keepdim=True)
    return maps / torch.where(largest > 0, largest, 1)


def explained(classifier: nn.Module, pictures: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
    """The pictures, uint8 (N, H, W, 3), with the maps of `classes`, int64 (N,), laid over them: uint8, enlarged."""
    device = next(classifier.parameters()).device
    found = []
    for start in range(0, len(pictures), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        images = torch.from_numpy(np.ascontiguousarray(pictures[part].transpose(0, 3, 1, 2))).to(device)
        maps = grad_cam(classifier, images, torch.from_numpy(classes[part]).to(device)).cpu().numpy()
        found += [overlay(picture, places) for picture, places in zip(pictures[part], maps)]
    return found


def overlay(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) under a map, float32 (h, w) in [0, 1], in shades of inferno; small pictures are enlarged."""
    height, width = (max(1, LARGEST_SIDE // max(picture.shape[:2])) * side for side in picture.shape[:2])
    large = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    smooth = cv2.resize(places, (width, height), interpolation=cv2.INTER_LINEAR)
    shades = cv2.applyColorMap(np.rint(255 * smooth).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.rint((1 - STRENGTH) * large + STRENGTH * shades).astype(np.uint8)
