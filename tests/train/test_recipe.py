"""Recipes: the shipped ones are the published settings, and composition is strict."""

from pathlib import Path

import pytest
import yaml

from layermix import Baseline, LayerMix
from layermix.config import to_mapping
from layermix.errors import InputError
from train import load_recipe
from train.recipe import RECIPES, find_recipe

SHIPPED = sorted(RECIPES.glob("*.yaml"))
PUBLISHED = yaml.safe_load(Path(__file__).with_name("published_settings.yaml").read_text())
IMPLIED = {"policy/baseline", "policy/autoaugment_imagenet"}
"""Part of every baseline; and an option that no table has."""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_and_its_saved_form_loads_equal(path, tmp_path):
    config = load_recipe(path)
    saved = write(tmp_path / "config.yaml", yaml.safe_dump(to_mapping(config)))
    assert load_recipe(saved) == config


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_names_its_table_or_that_there_is_none(path):
    comment = path.read_text().splitlines()[0]
    assert (
        comment.startswith("# LayerMix paper, Table")
        or "No published setting" in comment
        or "No row" in path.read_text()
    )


@pytest.mark.parametrize("row", PUBLISHED["rows"], ids=lambda row: f"{row['table']}: {row['row']}")
def test_a_row_of_the_papers_tables_has_its_published_settings(row):
    config = to_mapping(load_recipe(*(RECIPES / f"{name}.yaml" for name in row["config"])))
    expected = {**PUBLISHED["settings"][row["settings"]], **row["expect"]}
    for key, value in expected.items():
        found = config
        for part in key.split("."):
            found = found[part]
        assert found == value, key


def test_the_published_rows_cover_every_recipe_and_policy():
    used = {name for row in PUBLISHED["rows"] for name in row["config"]}
    shipped = {path.stem for path in SHIPPED} - {"demo_baseline", "demo_layermix", "imagenet_resnet50_layermix_scratch"}
    policies = {f"policy/{path.stem}" for path in (RECIPES / "policy").glob("*.yaml")}
    assert shipped | policies - IMPLIED <= used


def test_the_recipe_from_scratch_draws_its_weights():
    config = load_recipe(RECIPES / "imagenet_resnet50_layermix_scratch.yaml")
    assert (config.model.weights, config.optimizer.lr, config.optimizer.weight_decay) == ("none", 0.1, 1e-4)
    assert (config.run.epochs, config.data.batch_size, config.policy) == (90, 256, LayerMix())


@pytest.mark.parametrize("data", ["cifar10", "cifar100"])
@pytest.mark.parametrize("model", ["wrn_40_4", "wrn_28_10", "resnet18", "resnext29"])
@pytest.mark.parametrize("policy", sorted(path.stem for path in (RECIPES / "policy").glob("*.yaml")))
def test_fragments_go_together_in_any_combination(data, model, policy):
    fragments = [f"data/{data}", f"model/{model}", "schedule/cifar", f"policy/{policy}"]
    config = load_recipe(*(RECIPES / f"{name}.yaml" for name in fragments))
    assert config.model.num_classes == (10 if data == "cifar10" else 100)
    assert config.run.epochs == (100 if model.startswith("wrn") else 200)


def test_the_two_demo_recipes_differ_in_the_policy_alone():
    baseline, layermix = (to_mapping(load_recipe(RECIPES / f"demo_{name}.yaml")) for name in ("baseline", "layermix"))
    assert [key for key in baseline if baseline[key] != layermix[key]] == ["policy"]


def test_a_recipe_overrides_its_base_key_by_key_and_the_policy_as_a_whole(tmp_path):
    write(
        tmp_path / "base.yaml",
        "model: {name: wrn_10_1, num_classes: 10, dropout: 0.3}\npolicy: {name: layermix, magnitude: 2}\n"
        "data: {size: 16, batch_size: 8}\n",
    )
    (tmp_path / "more").mkdir()
    write(tmp_path / "more" / "middle.yaml", "base: ../base.yaml\ndata: {size: 24}\n")
    recipe = write(
        tmp_path / "recipe.yaml",
        "base: more/middle.yaml\nmodel: {num_classes: 3}\npolicy: {name: layermix, blending_ratio: 4}\n",
    )
    config = load_recipe(recipe)
    assert (config.model.num_classes, config.model.dropout) == (3, 0.3)
    assert (config.data.size, config.data.batch_size) == (24, 8)
    assert config.policy == LayerMix(blending_ratio=4)


@pytest.mark.parametrize("name", ["demo_layermix", "demo_layermix.yaml", "policy/pixmix_cifar"])
def test_a_shipped_recipe_is_found_by_its_name_and_a_file_before_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_recipe(Path(name)) == RECIPES / f"{name.removesuffix('.yaml')}.yaml"
    (tmp_path / name).parent.mkdir(exist_ok=True)
    mine = write(tmp_path / name, "run: {epochs: 1}\n")
    assert find_recipe(Path(name)).samefile(mine)
    assert find_recipe(Path("nowhere")) == Path("nowhere")


def test_an_unknown_key_is_named_with_the_file_that_holds_it(tmp_path):
    write(tmp_path / "base.yaml", "optimizer: {momentun: 0.9}\n")
    recipe = write(tmp_path / "recipe.yaml", "base: base.yaml\nmodel: {name: wrn_10_1, num_classes: 3}\n")
    with pytest.raises(InputError, match=r"base.yaml: unknown key 'optimizer.momentun'; did you mean 'momentum'?"):
        load_recipe(recipe)


def test_of_several_bases_and_recipes_the_later_override_the_earlier(tmp_path):
    write(tmp_path / "a.yaml", "model: {name: wrn_10_1, num_classes: 10}\ndata: {size: 16, batch_size: 8}\n")
    write(tmp_path / "b.yaml", "data: {batch_size: 9, padding: 1}\nrun: {epochs: 3}\npolicy: {name: baseline}\n")
    both = write(tmp_path / "both.yaml", "base: [a.yaml, b.yaml]\nmodel: {num_classes: 3}\n")
    over = write(tmp_path / "over.yaml", "data: {padding: 2}\npolicy: {name: layermix}\n")
    config = load_recipe(both)
    assert (config.data.size, config.data.batch_size, config.data.padding) == (16, 9, 1)
    assert (config.model.num_classes, config.run.epochs, config.policy) == (3, 3, Baseline())
    config = load_recipe(both, over)
    assert (config.data.batch_size, config.data.padding, config.policy) == (9, 2, LayerMix())


def test_a_base_that_two_recipes_share_is_no_circle(tmp_path):
    write(tmp_path / "root.yaml", "model: {name: wrn_10_1, num_classes: 3}\npolicy: {name: baseline}\n")
    write(tmp_path / "left.yaml", "base: root.yaml\n")
    write(tmp_path / "right.yaml", "base: root.yaml\n")
    assert load_recipe(write(tmp_path / "top.yaml", "base: [left.yaml, right.yaml]\n")).policy == Baseline()


def test_a_circle_of_bases_is_refused(tmp_path):
    write(tmp_path / "a.yaml", "base: b.yaml\n")
    write(tmp_path / "b.yaml", "base: a.yaml\n")
    with pytest.raises(InputError, match=r"b.yaml: `base` must not lead back to the recipe itself, got a.yaml"):
        load_recipe(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold keys and values, got None"),
        ("- a\n", "must hold keys and values"),
        ("model: [\n", r"r.yaml: the recipe must be YAML: .*line 2"),
        ("run: {seed: 1, seed: 2}\n", r"key 'seed' appears twice.*line 1"),
        ("run: {seed: !!python/name:os.system }\n", "the recipe must be YAML: could not determine a constructor"),
        ("\x00", "the recipe must be YAML"),
        ("base: nowhere.yaml\n", r"nowhere.yaml: the recipe cannot be read \(No such file"),
        ("base: 3\n", r"3: the recipe cannot be read"),
        ("model: {name: wrn_10_1, num_classes: 3}\n", "key 'policy' is missing"),
        ("run: {epochs: 0}\n", "key 'model' is missing"),
    ],
)
def test_a_malformed_recipe_is_named_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(write(tmp_path / "r.yaml", text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("run: {epochs: 0}", "run: `epochs` must be at least 1, got 0"),
        ("run: {max_steps: 0}", "run: `max_steps` must be at least 1"),
        ("run: {checkpoint_minutes: 0}", "run: `checkpoint_minutes` must be > 0"),
        ("data: {batch_size: 0}", "data: `batch_size` must be at least 1"),
        ("optimizer: {lr: 0}", "optimizer: `lr` must be > 0"),
        ("optimizer: {lr: .nan}", "optimizer: `lr` must be > 0, got nan"),
        ("optimizer: {ema_decay: 1}", r"optimizer: `ema_decay` must be in \[0, 1\), got 1.0"),
        ("optimizer: {lr_batch_size: 0}", "optimizer: `lr_batch_size` must be at least 1"),
        (
            "schedule: {start_size: 16}",
            "`schedule.start_size` must be at most `data.size` 32, of a crop that resizes, got 16",
        ),
        (
            "schedule: {grow_from: 0.9}",
            "`grow_from` and `grow_to` must satisfy 0 <= grow_from <= grow_to <= 1",
        ),
        ("loss: {label_smoothing: 1}", r"loss: `label_smoothing` must be in \[0, 1\)"),
        ("loss: {alpha: 0}", "loss: `alpha` must be > 0"),
        ("loss: {name: jsd, mixing: mixup}", "loss: `mixing` must be none with the jsd loss, got mixup"),
        ("loss: {mixing: mixap}", "must be one of none, mixup, cutmix, got 'mixap'; did you mean 'mixup'"),
        ("optimizer: {momentum: 1}", r"optimizer: `momentum` must be in \[0, 1\)"),
        ("optimizer: {momentum: 0}", "optimizer: `nesterov` must be false where `momentum` is 0"),
        ("schedule: {final_lr: 1}", "`schedule.final_lr` must be at most `optimizer.lr` 0.1, got 1.0"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_rule(tmp_path, change, message):
    text = f"model: {{name: wrn_10_1, num_classes: 3}}\npolicy: {{name: baseline}}\n{change}\n"
    with pytest.raises(InputError, match=message):
        load_recipe(write(tmp_path / "r.yaml", text))
