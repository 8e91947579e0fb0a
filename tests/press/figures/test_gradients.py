import numpy as np
import pytest

from podium.press.figures import gradients
from podium.spec import PodiumError

LAYERS = ("patches.projection", "encoder.blocks.0", "encoder.blocks.1", "head")


def kept(norms, layers=LAYERS):
    """What a run keeps: `norms` is a row a layer, a column an epoch."""
    rows = [{"layer": layer, "norms": list(row)} for layer, row in zip(layers, norms, strict=True)]
    return {"gradients": {"epochs": list(range(1, len(norms[0]) + 1)), "layers": rows}}


def results(made, *norms, layers=LAYERS):
    return made.compared({"vit": 0.98}, len(norms), samples=lambda _, seed: kept(norms[seed], layers))


def test_norms_are_averaged_over_seeds_by_their_logarithms(made):
    drawing = made.check(
        gradients(results(made, [[1, 4], [1, 1], [1, 0.1], [1, 0.4]], [[1, 1], [1, 1], [1, 0.1], [1, 0.4]]))
    )
    assert drawing.finding == "patches.projection is pulled 20 times as hard as encoder.blocks.1 at the end"
    assert (
        "After the last epoch: patches.projection 2; encoder.blocks.0 1; encoder.blocks.1 0.1; head 0.4." in drawing.alt
    )
    assert drawing.note.startswith("vit, 2 runs")
    heat = drawing.figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(heat, np.log10([[1, 2], [1, 1], [1, 0.1], [1, 0.4]]), atol=1e-9)


@pytest.mark.parametrize(
    ("norms", "finding"),
    [
        ([[1], [2], [2], [1]], "All 4 layers are pulled about equally hard at the end"),
        ([[1], [0], [2], [1]], "Nothing pulls encoder.blocks.0 at the end; encoder.blocks.1 is pulled hardest"),
    ],
)
def test_findings(made, norms, finding):
    assert made.check(gradients(results(made, norms), variant="vit")).finding == finding


def test_one_layer_and_many(made):
    one = made.check(gradients(results(made, [[0.25]], layers=("head",))))
    assert one.finding == "Only head learns, with a gradient of norm 0.25 at the end"
    names = tuple(f"a.long.name.of.a.layer.{i}" for i in range(40))
    many = made.check(gradients(results(made, [[1.0] * 60] * 40, layers=names)))
    assert "16 of 40 layers" in many.note
    assert len(many.figure.axes[0].get_yticks()) == 16


def test_runs_that_kept_none_are_said(made):
    bare = made.compared({"vit": 0.98}, 2)
    with pytest.raises(PodiumError, match=r"kept no gradients\. Train them again"):
        gradients(bare)
    with pytest.raises(PodiumError, match="variant 'vit', kept no gradients"):
        gradients(bare, variant="vit")


def test_a_run_of_other_length_is_left_out(made):
    drawing = gradients(results(made, [[1, 4]] * 4, [[1]] * 4, [[1, 4]] * 4))
    assert "vit, 2 runs of 3" in drawing.note


@pytest.mark.parametrize(
    "told", [{"layers": 3}, {"epochs": [1], "layers": [{"layer": "a", "norms": [-1.0]}]}, {"a": 1}]
)
def test_what_is_no_table_is_refused(made, told):
    with pytest.raises(PodiumError, match="are no table of norms"):
        gradients(made.compared({"vit": 0.98}, 1, samples=lambda *_: {"gradients": told}))
