"""Image classifiers of the paper's tables, with normalisation inside, and their checkpoints."""

from models.build import build_model
from models.checkpoint import Checkpoint, load_checkpoint, load_classifier, save_checkpoint
from models.classifier import Classifier
from models.config import ModelConfig
from models.weights import InitialWeights, load_initial_weights

__all__ = [
    "Checkpoint",
    "Classifier",
    "InitialWeights",
    "ModelConfig",
    "build_model",
    "load_checkpoint",
    "load_classifier",
    "load_initial_weights",
    "save_checkpoint",
]
