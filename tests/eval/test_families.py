"""Whose benchmarks models meet is decided by their classes and by what is there, and nothing is left out silently."""

import pytest

from eval.families import family_of, not_measured
from eval.plan import make_plan
from eval.suites import SuiteOptions
from eval.suites.planning import Context
from writers.wnids import imagenet_wnids

WNIDS, NUMBERS = imagenet_wnids("imagenet-1k"), tuple(map(str, range(10)))


@pytest.mark.parametrize(
    ("classes", "size", "found", "name", "reason"),
    [
        (WNIDS, 224, (), "imagenet", "the 1000 classes are wnids of ImageNet"),
        (WNIDS[7:107], 64, ("cifar-c",), "imagenet", "the 100 classes are wnids of ImageNet"),
        (NUMBERS, 224, ("cifar-c", "ood"), "cifar", "--root holds sets of CIFAR's layout and none of ImageNet's"),
        (NUMBERS, 224, ("cifar-c", "imagenet-c"), "imagenet", "the classes are not ImageNet's and the pictures are of"),
        (NUMBERS, 224, (), "imagenet", "of 224 px"),
        (NUMBERS, 64, ("imagenet-c",), "cifar", "of 64 px"),
    ],
)
def test_classes_decide_then_the_sets_that_are_there_then_the_side(classes, size, found, name, reason):
    family = family_of(classes, size, found)
    assert family.name == name
    assert reason in family.reason


def test_every_folder_that_is_not_measured_is_named_with_the_reason(tmp_path):
    for name in ("CIFAR-10-C", "CIFAR-C", "CIFAR-10-P", "CIFAR-100-C", "ImageNet-C", "ood", "thoughts"):
        (tmp_path / name).mkdir()
    family = family_of(NUMBERS, 32, ("cifar-c", "imagenet-c"))
    lines = list(not_measured(tmp_path, family, 10, ("clean", "c", "ood")))
    reason = "the classes are not ImageNet's and the pictures are of 32 px"
    assert lines == [
        f"{tmp_path}/CIFAR-10-P: not measured, as --suite does not name p; add it",
        f"{tmp_path}/CIFAR-C: not measured, as {tmp_path}/CIFAR-10-C is; keep one of the two there",
        f"{tmp_path}/ImageNet-C: not measured, as {reason}; it is for models of ImageNet's classes",
        f"{tmp_path}: not measured: CIFAR-100-C, thoughts; no benchmark of 10 classes has that name, those of CIFAR "
        "have CIFAR-10-C, CIFAR-10-C-bar, CIFAR-10-P, ood",
    ]


def test_a_model_of_imagenets_classes_meets_its_benchmarks_at_any_side(pictures, tmp_path):
    (tmp_path / "ImageNet-R").mkdir()
    options = SuiteOptions(root=tmp_path)
    plan = make_plan(("clean", "r"), Context(pictures=pictures, classes=WNIDS[:3], size=8, options=options))
    assert plan.notes == ("benchmarks of ImageNet, as the 3 classes are wnids of ImageNet",)
    (problem,) = plan.problems
    assert problem.reason.startswith("ImageNet-R: the model must know its 200 classes, 198 are missing")
