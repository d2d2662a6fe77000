"""Tables beside the paper's: its numbers as printed, ours only where they are of the same thing."""

from dataclasses import replace

import pytest

from eval.suites import Measurement
from eval.tables import PAPER_TABLES, Measured, Row, Table, paper_tables
from eval.tables.paper import NOBODY, ONLY_STRICT, PARTIAL, REGENERATED
from eval.tables.paper_data import COLUMNS, PAPER_DATA
from layermix.errors import InputError
from writers.wnids import imagenet_wnids

CIFAR10 = PAPER_DATA["cifar-10"].names()
CIFAR100 = PAPER_DATA["cifar-100"].names()
PICTURES = 10_000


def model(name: str = "run", network: str = "wrn_40_4", policy: str = "layermix", **config) -> dict:
    settings = {"magnitude": 8.0, "blending_ratio": 3.0} if policy == "layermix" else {}
    config = {"policy": {"name": policy, **settings}, "loss": {"name": "cross_entropy"}, **config}
    return {"name": name, "network": network, "policy": policy, "epoch": 100, "config": config}


def dataset(classes=CIFAR100, count: int = PICTURES) -> dict:
    return {"classes": list(classes), "count": count}


def measurement(cell: str, metric: str, protocol: str = "strict", count: int = PICTURES, **more) -> Measurement:
    suite = {"rms_calibration_error": "calibration", "top1_error": cell.split("/")[0]}.get(metric, cell)
    facts = {"suite": suite, "cell": cell, "metric": metric, "protocol": protocol, "count": count, **more}
    return Measurement(**{"value": 0.25, "interval": (0.2, 0.3), **facts})


def only(table: Table, label: str) -> Row:
    (row,) = [row for row in table.rows if label in row.labels]
    return row


def place(table: Table, name: str) -> int:
    facts = COLUMNS[name]
    (found,) = [
        index
        for index, column in enumerate(table.columns)
        if (column.group, column.title) == (facts["group"], facts["title"])
    ]
    return found


def shown(found: list[Measurement], column: str, *, numeral: str = "IV", data=None, **facts):
    """Our entry of a model in a column, and what its marks mean."""
    measured = Measured.of({"run": found})
    (table,) = paper_tables(measured, [model(**facts)], data or dataset(), [numeral])
    entry = only(table, "run").entries[place(table, column)]
    return entry, [table.legend[mark] for mark in entry.marks]


CLASSES = {
    "cifar-10": CIFAR10,
    "cifar-100": CIFAR100,
    "imagenet-200": imagenet_wnids("imagenet-200"),
    "imagenet-1k": imagenet_wnids("imagenet-1k"),
}


@pytest.mark.parametrize("numeral", PAPER_TABLES)
def test_every_number_of_the_paper_stands_in_its_table(numeral):
    spec = PAPER_TABLES[numeral]
    (table,) = paper_tables(Measured.of({}), [], dataset(CLASSES[spec.data]), [numeral])
    assert len(table.rows) == len(spec.numbers)
    for row, numbers in zip(table.rows, spec.numbers.values()):
        assert row.labels[1] == NOBODY
        found = [entry.paper for entry in row.entries if entry.paper is not None]
        assert sorted(found) == sorted(numbers.values())
        assert all(entry.value is None for entry in row.entries)


class TestRows:
    @pytest.mark.parametrize(
        ("numeral", "facts", "rows"),
        [
            ("IV", {"policy": "baseline"}, ["baseline"]),
            ("IV", {"policy": "layermix"}, ["layermix"]),
            ("IV", {"policy": "baseline", "loss": {"name": "cross_entropy", "mixing": "cutmix"}}, ["cutmix"]),
            ("IV", {"policy": "layermix", "loss": {"name": "cross_entropy", "mixing": "mixup"}}, []),
            ("IV", {"policy": "layermix", "loss": {"name": "jsd"}}, []),
            ("IV", {"policy": "augmix", "loss": {"name": "jsd"}}, ["augmix"]),
            ("IV", {"policy": "randaugment"}, []),
            ("IV", {"policy": {"name": "layermix", "magnitude": 5.0, "blending_ratio": 3.0}}, []),
            ("V", {"policy": "baseline"}, ["baseline"]),
            ("V", {"policy": "layermix", "loss": {"name": "jsd"}}, ["layermix jsd colour", "layermix jsd gray"]),
            ("V", {"policy": "layermix", "run": {"epochs": 400}}, ["layermix 400ep colour", "layermix 400ep gray"]),
            ("VI", {"policy": {"name": "layermix", "magnitude": 5.0, "blending_ratio": 4.0}}, ["5-4"]),
            ("VI", {"policy": "pixmix"}, []),
            ("VII", {"network": "resnext29_4x32d", "policy": "ipmix"}, ["resnext29 ipmix"]),
            ("VII", {"network": "wrn_16_1", "policy": "ipmix"}, []),
            ("VIII", {"network": "resnet50", "policy": "random_erasing"}, ["random_erasing"]),
            ("IX", {"network": "resnet50", "policy": "layermix"}, ["layermix 8-3"]),
            (
                "IX",
                {"network": "resnet50", "policy": {"name": "layermix", "magnitude": 1.0, "blending_ratio": 4.0}},
                ["layermix 1-4"],
            ),
        ],
    )
    def test_a_checkpoint_belongs_to_the_row_of_its_configuration(self, numeral, facts, rows):
        policy = facts.pop("policy") if isinstance(facts["policy"], dict) else None
        found = model(**({"policy": policy["name"]} if policy else {}), **facts)
        if policy:
            found["config"]["policy"] = policy
        assert PAPER_TABLES[numeral].rows_of(found) == rows

    def test_a_model_of_no_row_stands_below_them_without_a_number_of_the_paper(self):
        (table,) = paper_tables(Measured.of({"run": []}), [model(policy="randaugment")], dataset(), ["IV"])
        assert table.rows[-1].labels == (NOBODY, "run")
        assert all(entry.paper is None for entry in table.rows[-1].entries)
        assert any("no row of the table has its policy" in note for note in table.notes)

    def test_models_of_one_method_stand_below_each_other(self):
        models = [model("one"), model("two")]
        (table,) = paper_tables(Measured.of({"one": [], "two": []}), models, dataset(), ["IV"])
        assert [row.labels for row in table.rows][-2:] == [("layermix", "one"), ("layermix", "two")]

    def test_another_network_than_the_papers_is_said(self):
        (table,) = paper_tables(Measured.of({"run": []}), [model(network="wrn_16_1")], dataset(), ["IV"])
        assert any("run is a wrn_16_1" in note for note in table.notes)


class TestChoice:
    @pytest.mark.parametrize(
        ("data", "networks", "numerals"),
        [
            (dataset(CIFAR10), ["wrn_40_4"], ["III"]),
            (dataset(CIFAR100), ["wrn_40_4", "wrn_40_4"], ["IV"]),
            (dataset(CIFAR100), ["resnet18_cifar", "wrn_40_4"], ["IV", "VII"]),
            (dataset(CLASSES["imagenet-200"]), ["resnet50"], ["VIII"]),
            (dataset(CLASSES["imagenet-1k"], 50_000), ["resnet50"], ["IX"]),
            (dataset(CIFAR10), ["wrn_16_1"], []),
            (dataset([str(number) for number in range(10)]), ["wrn_40_4"], ["III"]),
            (dataset([str(number) for number in range(10)], 360), ["wrn_40_4"], []),
            (dataset(["cat", "dog"]), ["wrn_40_4"], []),
        ],
    )
    def test_the_table_follows_from_classes_and_networks(self, data, networks, numerals):
        models = [model(f"run {place}", network) for place, network in enumerate(networks)]
        tables = paper_tables(Measured.of({found["name"]: [] for found in models}), models, data)
        assert [table.title.split()[1] for table in tables] == numerals

    def test_a_table_of_other_classes_is_refused(self):
        with pytest.raises(InputError, match=r"--paper-table IV is of cifar-100 with 100 classes, the test set has 10"):
            paper_tables(Measured.of({}), [], dataset(CIFAR10), ["IV"])

    def test_copies_of_a_set_that_spell_a_class_otherwise_are_known(self):
        classes = ["cra" if name == "crab" else name for name in CIFAR100]
        assert len(paper_tables(Measured.of({"run": []}), [model()], dataset(classes))) == 1


class TestComparability:
    def test_ours_stands_beside_the_papers_with_its_interval(self):
        entry, marks = shown([measurement("clean", "top1_error")], "clean_error")
        assert (entry.text, entry.interval_text, entry.paper_text) == ("25.0", "20.0\N{EN DASH}30.0", "20.7")
        assert marks == []

    def test_a_number_of_the_strict_protocol_alone_does_not(self):
        strict = measurement("pgd/2", "top1_error")
        entry, marks = shown([strict], "pgd_error")
        assert (entry.value, entry.paper, marks) == (None, 95.5, [ONLY_STRICT])
        entry, marks = shown([strict, replace(strict, protocol="paper", value=0.5)], "pgd_error")
        assert (entry.value, marks) == (50.0, [])

    def test_an_attack_with_restarts_is_another(self):
        entry, _ = shown([measurement("pgd/2x3", "top1_error", "paper")], "pgd_error")
        assert entry.value is None

    @pytest.mark.parametrize(
        ("column", "cell", "metric", "sights"),
        [
            ("c_mce", "c", "mce", 75),
            ("cbar_mce", "cbar", "mce", 50),
            ("p_mfp", "p", "mfp", 8 * 30 + 20 + 15),
            ("c_rms", "c", "rms_calibration_error", 75),
        ],
    )
    def test_a_mean_over_a_part_of_a_benchmark_does_not(self, column, cell, metric, sights):
        whole = measurement(cell, metric, "paper", sights * PICTURES)
        assert shown([whole], column)[0].value == 25.0
        entry, marks = shown([replace(whole, count=(sights - 5) * PICTURES)], column)
        assert (entry.value, marks) == (None, [PARTIAL])

    def test_both_protocols_of_cifars_mean_corruption_error_are_one_and_imagenets_are_not(self):
        strict = measurement("c", "mce", count=75 * PICTURES)
        assert shown([strict], "c_mce")[0].value == 25.0
        imagenet = {"numeral": "VIII", "data": dataset(CLASSES["imagenet-200"]), "network": "resnet50"}
        entry, marks = shown([strict], "c_mce", **imagenet)
        assert (entry.value, marks) == (None, [ONLY_STRICT])
        assert shown([replace(strict, protocol="paper")], "c_mce", **imagenet)[0].value == 25.0

    @pytest.mark.parametrize("column", ["clean_error", "clean_top5_error"])
    def test_the_clean_error_of_imagenet_is_the_papers_on_whole_batches(self, column):
        data = dataset(CLASSES["imagenet-1k"], 50_000)
        imagenet = {"numeral": "IX", "data": data, "network": "resnet50"}
        strict = measurement("clean", COLUMNS[column]["metric"], count=50_000)
        strict = replace(strict, suite="clean")
        assert shown([strict], column, **imagenet)[1] == [ONLY_STRICT]
        paper = replace(strict, protocol="paper", value=0.5, count=49_984)
        entry, marks = shown([strict, paper], column, **imagenet)
        assert (entry.value, marks) == (50.0, [])
        _, marks = shown([replace(paper, count=480)], column, **imagenet)
        assert marks == ["on 480 pictures, the paper's number is on 49,984"]

    def test_calibration_on_imagenet_c_needs_the_papers_crop(self):
        imagenet = {"numeral": "VIII", "data": dataset(CLASSES["imagenet-200"]), "network": "resnet50"}
        rms = [measurement("c", "rms_calibration_error", protocol, 75 * PICTURES) for protocol in ("strict", "paper")]
        entry, marks = shown(rms, "c_rms", **imagenet)
        assert (entry.value, marks) == (None, [ONLY_STRICT])
        cropped = measurement("c", "mce", "paper", 75 * PICTURES)
        assert shown([*rms, cropped], "c_rms", **imagenet)[0].value == 25.0

    def test_regenerated_pictures_and_smaller_sets_are_marked(self):
        found = measurement("c", "mce", count=75 * 500, regenerated=True)
        entry, marks = shown([found], "c_mce", data=dataset(count=500))
        assert entry.value == 25.0
        assert marks == [REGENERATED, "on 500 pictures, the paper's number is on 10,000"]

    @pytest.mark.parametrize(
        ("numeral", "column", "cell", "metric"), [("V", "p_mfr", "p", "mfr"), ("VIII", "p_mt5d", "p", "mt5d")]
    )
    def test_a_column_of_another_metric_or_a_broken_run_stays_alone(self, numeral, column, cell, metric):
        classes = CLASSES[PAPER_TABLES[numeral].data]
        found = [measurement(cell, metric, protocol, 275 * PICTURES) for protocol in ("strict", "paper")]
        network = next(iter(PAPER_TABLES[numeral].networks))
        measured = Measured.of({"run": found})
        (table,) = paper_tables(measured, [model(network=network)], dataset(classes), [numeral])
        rows = [row for row in table.rows if row.labels[1] == "run"]
        assert rows
        for row in rows:
            entry = row.entries[place(table, column)]
            assert entry.value is None
            assert table.legend[entry.marks] == PAPER_TABLES[numeral].not_comparable[column]

    def test_renditions_are_counted_by_themselves(self):
        imagenet = {"numeral": "IX", "data": dataset(CLASSES["imagenet-1k"], 50_000), "network": "resnet50"}
        assert shown([measurement("r", "top1_error", count=30_000)], "r_error", **imagenet)[1] == []
        _, marks = shown([measurement("r", "top1_error", count=50)], "r_error", **imagenet)
        assert marks == ["on 50 pictures, the paper's number is on 30,000"]
