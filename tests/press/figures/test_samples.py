import base64
import io

import numpy as np
import pytest
from matplotlib.image import AxesImage
from PIL import Image

from podium.press.figures import attention, confusion
from podium.press.figures.confusion import contrast
from podium.press.figures.tokens import DARK, LIGHT
from podium.spec import PodiumError

HOSTILE = "h" * 200


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def counts_of(seed, *, mixed=30, close=0):
    counts = np.diag([980 - seed] * 10)
    counts[4, 9] = mixed + seed
    counts[7, 2] = close or 5
    counts[3, 5] = close
    return counts.tolist()


def with_counts(made, **options):
    return made.compared({"cnn": 0.98}, 3, samples=lambda _, seed: {"confusion": counts_of(seed, **options)})


def pictures(*columns, side=28):
    """One picture a column: a bright stroke there, the rest dark."""
    found = []
    for column in columns:
        pixels = np.zeros((side, side))
        pixels[:, column * side // 4 : (column + 1) * side // 4] = 255
        found.append({"picture": png(pixels), "correct": str(column), "predicted": str(column)})
    return found


def looking(*columns, token="", size=4, largest=0.25):
    """Maps that look at one column each."""
    maps = []
    for column in columns:
        weights = np.full((size, size), 0.1)
        weights[:, column] = 1
        maps.append({"token": token and f"{token}", "maximum": largest, "map": weights.tolist()})
    return maps


def with_looks(made, looks, predictions, variant="vit"):
    return made.compared({variant: 0.98}, 2, samples=lambda *_: {"attention": looks, "predictions": predictions})


def images(drawing, ground="light"):
    figure = drawing.figure if ground == "light" else drawing.on(ground)
    return [child for axes in figure.axes for child in axes.get_children() if isinstance(child, AxesImage)]


def test_counts_are_summed_over_seeds(made):
    drawing = made.check(confusion(with_counts(made)))
    assert drawing.finding == "4 is taken for 9 most often: 93 of 3,030 pictures in 3 runs"
    cells = [t.get_text() for t in drawing.figure.axes[0].texts]
    assert cells.count("93") == 1
    assert cells.count("15") == 1
    assert cells[44] == "96.9"  # 4 as 4: 2,937 of 3,030
    assert cells[0] == "100.0"
    assert [t.get_text() for t in drawing.figure.axes[1].texts[:3]] == ["largest confusions", "4 as 9", "93 of 3,030"]
    assert "4 as 9 93 of 3,030; 7 as 2 15 of 2,952" in drawing.alt
    assert drawing.note.startswith("cnn, 3 runs")


def test_confusions_that_chance_does_not_tell_apart(made):
    assert confusion(with_counts(made, close=27)).finding == (
        "The largest confusions in 3 runs are 4 as 9, 3 as 5 and 7 as 2"
    )
    even = np.full((10, 10), 3).tolist()
    results = made.compared({"cnn": 0.5}, 1, samples=lambda *_: {"confusion": even})
    drawing = made.check(confusion(results))
    assert drawing.finding.startswith("No confusion stands out in 1 run: the largest is 0 as 1, 3 of 30 pictures")
    assert drawing.badges == ("one seed only",)
    perfect = made.compared(
        {"cnn": 1.0}, 1, samples=lambda *_: {"confusion": (np.eye(10, dtype=int) * 20_000).tolist()}
    )
    assert made.check(confusion(perfect)).finding == "Nothing is taken for anything else in 1 run"
    lost = np.eye(3, dtype=int)
    lost[2, 2], lost[0, 1] = 0, 12_345
    drawing = made.check(confusion(made.compared({"cnn": 1.0}, 1, samples=lambda *_: {"confusion": lost.tolist()})))
    assert "12 k" in [t.get_text() for t in drawing.figure.axes[0].texts]


def test_runs_without_counts(made):
    with pytest.raises(PodiumError, match="kept no confusion counts; classifiers do"):
        confusion(made.compared({"a": 0.9}))
    with pytest.raises(PodiumError, match="variant 'a', kept no confusion counts"):
        confusion(made.compared({"a": 0.9}), variant="a")
    with pytest.raises(PodiumError, match="did you mean 'cnn'"):
        confusion(with_counts(made), variant="cmn")
    some = made.compared({HOSTILE: 0.9}, 3, samples=lambda _, s: {"confusion": counts_of(s)} if s else {})
    assert "2 runs of 3" in made.check(confusion(some, variant=HOSTILE)).note


@pytest.mark.parametrize(
    "table", [[[1, 2]], [[1, float("nan")], [0, 1]], [[1, -2], [0, 1]], [[0, 0], [0, 0]], "text", [[1, 2], [3]]]
)
def test_counts_that_are_none(made, table):
    with pytest.raises(PodiumError, match="confusion counts of run-0-0 are no square table"):
        confusion(made.compared({"a": 0.9}, 1, samples=lambda *_: {"confusion": table}))


def test_too_many_classes_and_unequal_ones(made):
    with pytest.raises(PodiumError, match="12 classes at most; run-0-0 tells 13"):
        confusion(made.compared({"a": 0.9}, 1, samples=lambda *_: {"confusion": np.eye(13, dtype=int).tolist()}))
    with pytest.raises(PodiumError, match="tell different classes"):
        confusion(made.compared({"a": 0.9}, 2, samples=lambda _, s: {"confusion": np.eye(2 + s, dtype=int).tolist()}))


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_every_cell_can_be_read(made, ground):
    tokens = {"light": LIGHT, "dark": DARK}[ground]
    rng = np.random.default_rng(0)
    results = made.compared({"a": 0.9}, 1, samples=lambda *_: {"confusion": rng.integers(0, 99, (10, 10)).tolist()})
    figure = confusion(results).on(ground)
    for box, text in zip(figure.axes[0].patches, figure.axes[0].texts, strict=True):
        if text.get_text():
            back = box.get_facecolor()[:3] if box.get_facecolor()[3] else tokens.ground
            assert contrast(text.get_color(), back) >= 4.5, text.get_text()


def test_a_classifier_looks_at_strokes(made):
    looks = [{"picture": i, "maps": looking(i)} for i in range(4)]
    drawing = made.check(attention(with_looks(made, looks, pictures(0, 1, 2, 3))))
    assert drawing.finding == "On 4 pictures, strokes get 10.0 times the attention of empty paper"
    assert len(images(drawing)) == 8
    assert [t.get_text() for t in made.texts(drawing)].count("largest 0.25") == 4
    plain, weighted = images(drawing)[:2]
    assert plain.get_array().shape == (28, 28, 3)
    assert not np.array_equal(plain.get_array(), weighted.get_array())
    left, right = weighted.get_array()[0, 2], weighted.get_array()[0, 20]
    assert contrast(left, right) > 7  # the stroke that is looked at stands out
    assert "seed 0 alone, first samples, not chosen" in drawing.note
    away = [{"picture": i, "maps": looking(3 - i)} for i in range(2)]
    assert "empty paper gets" in attention(with_looks(made, away, pictures(0, 1))).finding
    even = [{"picture": 0, "maps": [{"token": "", "maximum": 0.06, "map": [[1, 1], [1, 1]]}]}]
    assert "the same attention" in attention(with_looks(made, even, pictures(0))).finding
    blank = [{**pictures(0)[0], "picture": png(np.zeros((28, 28)))}]
    assert attention(with_looks(made, even, blank)).finding == "Where the last block looks on 1 picture"


def test_a_reader_looks_further_right(made):
    looks = [{"picture": i, "maps": looking(*columns, token="7")} for i, columns in enumerate([(0, 2, 3), (1, 2)])]
    predictions = pictures(0, 1, side=84)
    drawing = made.check(attention(with_looks(made, looks, predictions)))
    assert drawing.finding == "Digit by digit the reader looks further right on all 2 numbers of several digits"
    assert len(images(drawing)) == 2 + 5
    looks[1]["maps"].reverse()
    assert "further right on 1 of 2 numbers" in attention(with_looks(made, looks, predictions)).finding
    single = attention(with_looks(made, looks[:1], predictions))
    assert single.finding == "Digit by digit the reader looks further right on the number of several digits"
    short = [{"picture": 0, "maps": looking(1, token="7")}]
    assert attention(with_looks(made, short, predictions)).finding == "Where the reader looks on 1 picture"
    long = [{"picture": 0, "maps": looking(*[0, 1, 2, 3] * 2, token="7")}]
    assert "6 of 8 digits" in made.check(attention(with_looks(made, long, predictions))).note


def test_as_many_readings_as_there_is_room_for(made):
    looks = [{"picture": i, "maps": looking(*range(count), token="7")} for i, count in enumerate((4, 2, 3, 1))]
    results = with_looks(made, looks, pictures(0, 1, 2, 3, side=84))
    drawing = made.check(attention(results))
    assert len(images(drawing)) == (1 + 4) + (1 + 2) + (1 + 3)  # no room for the last one
    boxes = [axes.get_position() for axes in drawing.figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    with pytest.raises(PodiumError, match="has room for 3 of these samples; asked for 4"):
        attention(results, pictures=(0, 1, 2, 3))


def test_samples_that_are_asked_for(made):
    looks = [{"picture": i, "maps": looking(i)} for i in range(4)] + [{"picture": 5, "maps": []}]
    results = with_looks(made, looks, pictures(0, 1, 2, 3, 0, 1), HOSTILE)
    drawing = made.check(attention(results, pictures=(2,)))
    assert "samples chosen by hand" in drawing.note
    assert len(images(drawing)) == 2
    with pytest.raises(PodiumError, match=r"no attention of sample picture 5; it has \[0, 1, 2, 3\]"):
        attention(results, pictures=(5,))
    with pytest.raises(PodiumError, match="has room for 4 of these samples; asked for 5"):
        attention(results, pictures=(0, 1, 2, 3, 0))
    with pytest.raises(PodiumError, match="has no variant 'cnn'"):
        attention(results, variant="cnn")


def test_runs_without_attention(made):
    with pytest.raises(PodiumError, match="kept no attention; transformers do"):
        attention(made.compared({"a": 0.9}))
    with pytest.raises(PodiumError, match="variant 'a', kept no attention"):
        attention(made.compared({"a": 0.9}), variant="a")


@pytest.mark.parametrize(
    "address",
    ["data:image/svg+xml;base64,AAAA", "data:image/png;base64,!!!", "data:image/png;base64,AAAA",
     png(np.zeros((2000, 4)))],
)  # fmt: skip
def test_pictures_that_are_none(made, address):
    looks = [{"picture": 0, "maps": looking(0)}]
    with pytest.raises(PodiumError, match="no PNG data address"):
        attention(with_looks(made, looks, [{"picture": address, "correct": "1", "predicted": "1"}]))


def test_attention_that_is_not_finite_or_has_no_picture(made):
    broken = [{"picture": 0, "maps": [{"token": "", "maximum": float("nan"), "map": [[1.0]]}]}]
    with pytest.raises(PodiumError, match="attention of run-0-0 on sample picture 0 is not finite"):
        attention(with_looks(made, broken, pictures(0)))
    with pytest.raises(PodiumError, match="but no such picture"):
        attention(with_looks(made, [{"picture": 7, "maps": looking(0)}], pictures(0)))


def test_a_coloured_picture_and_a_wrong_answer(made):
    sample = {"picture": png(np.full((28, 28, 3), 200)), "correct": "1", "predicted": "7"}
    drawing = made.check(attention(with_looks(made, [{"picture": 0, "maps": looking(0)}], [sample])))
    assert "1, said 7" in [t.get_text() for t in made.texts(drawing)]
