"""What a result rests on: the models and the test set, as plain values."""

from typing import Any

from eval.sets import LoaderPictures
from eval.subjects import Subject, classes_hash


def model_facts(subject: Subject) -> dict[str, Any]:
    """Name, file, hashes of file, weights and classes, network, policy, and how far it was trained."""
    config = subject.about["config"]
    return {
        "name": subject.name,
        "path": subject.path,
        "sha256": subject.sha256,
        "weights": subject.weights,
        "classes": classes_hash(subject.classes),
        "network": subject.about["model"]["name"],
        "parameters": subject.parameters,
        "policy": config.get("policy", {}).get("name", "not recorded"),
        "epoch": subject.about["epoch"],
        "step": subject.about["step"],
        "config": config,
    }


def dataset_facts(pictures: LoaderPictures) -> dict[str, Any]:
    """Name, path, hash, number of pictures and classes of the test set."""
    return {
        "name": pictures.config.data.stem,
        "path": str(pictures.config.data),
        "sha256": pictures.manifest.sha256 if pictures.manifest else None,
        "count": pictures.count,
        "classes": list(pictures.classes),
        "classes_sha256": classes_hash(pictures.classes),
    }
