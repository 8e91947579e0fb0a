import math
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import AxesImage

from podium.press.figures import FIGURES, Drawing, curves, encodings, forest, frontier, paired, save
from podium.press.figures.drawing import found, shortened, spread, text_width
from podium.press.results import load_results, mean_interval, paired_difference, ranking, results_from
from podium.runs import read_runs
from podium.spec import PodiumError, ViTConfig

NAME = "positional_encoding"
HOSTILE = "$x^2$ {{ 7*7 }}</script><img src=x onerror=alert(1)>"


def results(project):
    return results_from(read_runs(project.runs, NAME), NAME)


def texts(drawing):
    drawing.figure.canvas.draw()
    return [text for axes in drawing.figure.axes for text in axes.texts if text.get_text()]


def overlapping(drawing):
    boxes = [text.get_window_extent() for text in texts(drawing)]
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.shrunk(1, 0.8).overlaps(b.shrunk(1, 0.8))]


def inside(drawing):
    width, height = drawing.figure.get_size_inches() * 96
    boxes = [text.get_window_extent() for text in texts(drawing)]
    return all(b.x0 >= -1 and b.x1 <= width + 1 and b.y0 >= -1 and b.y1 <= height + 1 for b in boxes)


def test_curves_hold_every_seed_and_the_mean(trained):
    found_results = load_results(trained, NAME)
    drawing = curves(found_results)
    lines = drawing.figure.axes[0].lines
    assert len(lines) == 4 * (5 + 1)
    frame = found_results.curves("learned", "val_accuracy") * 100
    assert any(np.allclose(line.get_ydata(), frame.mean(axis=1)) for line in lines)
    assert any(np.array_equal(line.get_ydata(), frame[3]) for line in lines)
    assert len(drawing.figure.axes[0].collections) == 4  # bands
    assert "none" in drawing.finding
    assert "5 seeds each" in drawing.alt
    assert re.search(r"axis starts at \d+ %", drawing.note)
    assert not overlapping(drawing)
    assert inside(drawing)


def test_the_accent_is_the_best_or_the_one_that_is_named(trained):
    bold = [
        t.get_text() for t in texts(curves(load_results(trained, NAME), highlight="none")) if t.get_weight() == "bold"
    ]
    assert len(bold) == 1
    assert bold[0].startswith("none 9")


def test_losses_are_cut_above(trained):
    drawing = curves(load_results(trained, NAME), metric="val_loss")
    assert re.search(r"axis ends at 0\.\d+ nats", drawing.note)
    assert drawing.figure.axes[0].get_ylim()[0] == 0


@pytest.mark.parametrize("epochs", [1, 2, 6])
@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_short_curves_of_few_seeds(project, write, epochs, seeds):
    for seed in range(seeds):
        for index, variant in enumerate(("none", "learned")):
            write(project.runs, variant, level=0.95 + 0.02 * index, seed=seed, epochs=epochs,
                  config=ViTConfig(position=variant))  # fmt: skip
    for metric in ("val_accuracy", "val_loss"):
        drawing = curves(results(project), metric=metric)
        assert ("too few seeds" in drawing.finding) == (seeds < 3)
        assert ("band" in drawing.note) == (seeds >= 3)
        assert inside(drawing)


def test_curves_that_reach_the_top(project, write):
    write(project.runs, "learned", level=1.1, epochs=6)
    drawing = curves(results(project))
    assert drawing.finding == "learned: validation accuracy by epoch"
    assert "Learning curves of 1 variant over 6 epochs, 1 seed each" in drawing.alt


def test_eight_crowded_and_hostile_names_stay_readable(project, write, tmp_path):
    for index in range(8):
        name = f"{HOSTILE} {index}" if index == 7 else f"variant {index}"
        write(project.runs, name, level=0.99, epochs=5, config=ViTConfig(dim=64 + index))
    drawing = curves(results(project))
    assert not overlapping(drawing)
    assert inside(drawing)
    svg = save(drawing, tmp_path / "a.svg").read_text()
    assert "$x^2$ {{ 7*7 }}&lt;/" in svg
    assert "<script" not in svg
    assert "<img" not in svg
    write(project.runs, "one more", epochs=5)
    drawing = curves(results(project))
    assert "8 of 9 variants" in drawing.note
    assert "Learning curves of 8 of 9 variants" in drawing.alt
    assert len(texts(drawing)) >= 8


def test_curves_of_what_is_not_there(trained, write):
    with pytest.raises(PodiumError, match="did you mean 'val_accuracy'"):
        curves(load_results(trained, NAME), metric="val_acuracy")
    with pytest.raises(PodiumError, match="did you mean 'rotary'"):
        curves(load_results(trained, NAME), highlight="rotery")
    folder = write(trained.runs, "bare", epochs=1)
    record = folder / "record.jsonl"
    record.write_text("\n".join(line for line in record.read_text().splitlines() if '"epoch":' not in line) + "\n")
    with pytest.raises(PodiumError, match="no val_accuracy at the last epoch of bare-s0-"):
        curves(results(trained))


def test_paired_shows_every_pair(trained):
    found_results = load_results(trained, NAME)
    drawing = paired(found_results, variant="learned", over="none")
    slopes, differences = drawing.figure.axes
    a, b = (found_results.by_seed(name, "test_accuracy") for name in ("learned", "none"))
    assert [tuple(line.get_ydata()) for line in slopes.lines[:5]] == [(b[s] * 100, a[s] * 100) for s in range(5)]
    it = paired_difference(a, b)
    interval = next(line for line in differences.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 4)
    assert interval.get_xdata() == pytest.approx([it.low * 100, it.high * 100])
    assert drawing.finding == "learned beats none"
    assert "5 of 5. Verdict: shown." in drawing.alt
    assert inside(drawing)
    assert paired(found_results, variant="none", over="learned").finding == "learned beats none"


def test_paired_picks_the_best_over_the_first(trained):
    assert "of none and " in paired(load_results(trained, NAME)).alt
    assert "of learned and none" in paired(load_results(trained, NAME), over="learned", variant="none").alt
    assert "of none and rotary" in paired(load_results(trained, NAME), variant="rotary").alt
    assert "of sinusoidal and " in paired(load_results(trained, NAME), over="sinusoidal").alt


@pytest.mark.parametrize(("seeds", "words"), [(1, "1 seed cannot show it"), (2, "2 seeds cannot show it")])
def test_paired_with_too_few_seeds(project, write, seeds, words):
    for seed in range(seeds):
        write(project.runs, "none", level=0.95, seed=seed, epochs=1, config=ViTConfig(position="none"))
        write(project.runs, HOSTILE, level=0.97, seed=seed, epochs=1)
    drawing = paired(results(project))
    assert words in drawing.finding
    assert ("one seed, no interval" in drawing.alt) == (seeds == 1)
    drawing = paired(results(project), variant="none", over=HOSTILE)
    assert drawing.finding.startswith(HOSTILE[:39])


def test_paired_without_a_difference(project, write):
    for seed in range(8):
        for variant, value in (("none", 0.95), ("learned", 0.9501 + 0.001 * (-1) ** seed)):
            write(
                project.runs,
                variant,
                seed=seed,
                epochs=1,
                config=ViTConfig(position=variant),
                summary={"test_accuracy": value},
                provenance={"started": "1" if variant == "none" else "2"},
            )
    drawing = paired(results(project))
    assert drawing.finding == "No difference in test accuracy is shown between learned and none"


def test_nothing_learnt_is_drawn_too(project, write):
    for variant in ("none", "learned"):
        config = ViTConfig(position=variant)
        folder = write(project.runs, variant, epochs=1, config=config, summary={"test_exact_match": 0.0})
        text = (folder / "record.jsonl").read_text()
        (folder / "record.jsonl").write_text(re.sub(r'"val_(accuracy|loss)": [\d.e-]+', r'"val_\1": 0.0', text))
    found_results = results(project)
    assert paired(found_results, metric="test_exact_match").finding.startswith("No difference in test exact match")
    assert curves(found_results).figure.axes[0].get_ylim()[0] == 0
    assert curves(found_results, metric="val_loss").figure.axes[0].get_ylim()[0] == 0


def test_paired_needs_two(project, write):
    write(project.runs, "none", epochs=1)
    with pytest.raises(PodiumError, match="needs two variants"):
        paired(results(project))
    write(project.runs, "other", epochs=1, config=ViTConfig(depth=3))
    with pytest.raises(PodiumError, match="did you mean 'other'"):
        paired(results(project), over="others")


def test_encodings_are_the_tables(trained):
    found_results = load_results(trained, NAME)
    drawing = encodings(found_results)
    images = [child for axes in drawing.figure.axes for child in axes.get_children() if isinstance(child, AxesImage)]
    kept = found_results.sample("learned")["encoding"]["table"]
    assert len(images) == 3
    assert np.array_equal(images[1].get_array(), np.array(kept))
    assert "16 positions by 64 dimensions" in drawing.alt
    assert drawing.finding == "Neighbours get similar codes from sinusoidal and rotary, not from learned"
    assert inside(drawing)
    assert encodings(found_results, variants=("rotary",)).finding == "Neighbouring positions get similar codes: rotary"
    assert "no more alike" in encodings(found_results, variants=("learned",)).finding


def test_encodings_that_are_not_there(trained, write):
    with pytest.raises(PodiumError, match="'none', kept no encoding table"):
        encodings(load_results(trained, NAME), variants=("none",))
    write(trained.runs, "more", samples={"encoding": {"table": [[0.0], [0.0]]}})
    with pytest.raises(PodiumError, match="3 encodings at most; asked for 4"):
        encodings(results(trained), variants=("sinusoidal", "learned", "rotary", "more"))


def test_no_encoding_at_all(project, write):
    write(project.runs, "none", epochs=1)
    with pytest.raises(PodiumError, match="No run of positional_encoding kept an encoding table"):
        encodings(results(project))
    write(project.runs, "one", epochs=1, samples={"encoding": {"table": [[0.0]]}}, config=ViTConfig(depth=3))
    assert "1 positions by 1 dimensions" in encodings(results(project)).alt


@pytest.mark.parametrize("kind", ["curves", "encodings", "paired"])
def test_saved_bytes_depend_on_the_results_alone(trained, tmp_path, kind):
    found_results = load_results(trained, NAME)
    draw = FIGURES[kind]
    options = {} if kind == "encodings" else {"metric": "val_accuracy"}
    first = save(draw(found_results, **options), tmp_path / "first.svg")
    second = save(draw(found_results, **options), tmp_path / "second.svg")
    assert first.read_bytes() == second.read_bytes()
    svg = first.read_text()
    assert "<text" in svg  # text stays text
    assert "font-family: 'Podium Inter'" in svg
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", svg)
    assert "<dc:date>" not in svg
    before = first.stat().st_mtime_ns
    assert save(draw(found_results, **options), first).stat().st_mtime_ns == before  # nothing new, nothing written


def test_png_and_other_suffixes(trained, tmp_path, monkeypatch):
    drawing = encodings(load_results(trained, NAME))
    png = save(drawing, tmp_path / "folder" / "a.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 2 * 876
    with pytest.raises(PodiumError, match=r"\.svg or \.png; not '\.gif'"):
        save(drawing, tmp_path / "a.gif")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    with pytest.raises(PodiumError, match="cannot be written: No space left"):
        save(drawing, tmp_path / "b.svg")


def test_letters_that_no_font_has(project, write, tmp_path):
    write(project.runs, "\u8a13\u7df4 \u0001", epochs=2)
    assert "\u8a13\u7df4" in save(curves(results(project)), tmp_path / "a.svg").read_text()
    assert save(curves(results(project)), tmp_path / "a.png").stat().st_size > 1000


def test_words_follow_the_ranking():
    def rank(**levels):
        noise = (0.0, 0.001, -0.001)
        return ranking(
            {name: {s: level + noise[(s + len(name)) % 3] for s in range(3)} for name, level in levels.items()}
        )

    assert found(rank(a=0.9, bb=0.5), "accuracy") == "a beats bb"
    assert found(rank(a=0.9, bb=0.9), "accuracy") == "No difference in accuracy is shown between a and bb"
    assert found(rank(a=0.9, bb=0.9, c=0.1), "accuracy") == "a beats c; over bb nothing is shown"


def test_labels_keep_their_distance():
    assert spread([0, 0, 0], 10, 0, 100) == [0, 10, 20]
    assert spread([95, 96], 10, 0, 100) == [90, 100]
    assert spread([10, 50], 10, 0, 100) == [10, 50]
    assert spread([], 10, 0, 100) == []
    assert shortened("a" * 30) == "a" * 25 + "\N{HORIZONTAL ELLIPSIS}"
    assert text_width("wide") > text_width("i") > text_width(" ") == 0
    assert text_width("wide", bold=True) > text_width("wide")


def test_a_drawing_says_what_the_interval_says(trained):
    found_results = load_results(trained, NAME)
    it = mean_interval(list(found_results.by_seed("none", "val_accuracy").values()))
    assert f"none {it.mean * 100:.2f} %" in curves(found_results).alt
    assert isinstance(curves(found_results), Drawing)
    assert math.isfinite(it.low)


def test_what_diverged_is_named_and_what_is_measured_rarely_is_not(made):
    def run(seed, values):
        history = [{"epoch": epoch, "val_accuracy": value} for epoch, value in enumerate(values, start=1)]
        return made.record("a", seed, history=history)

    rarely = made.results([run(s, [0.1, None, 0.5 + s / 100, None, 0.7, None]) for s in range(3)])
    assert "70" in curves(rarely).alt
    with pytest.raises(PodiumError, match="no val_accuracy at the last epoch of a-s1\\. Train it again"):
        curves(made.results([run(0, [0.1, 0.2, 0.3]), run(1, [0.1, math.nan, math.nan])]))
    with pytest.raises(PodiumError, match="no val_accuracy at the last epoch of a-s1, a-s2, a-s3, a-s4 and a-s5"):
        curves(made.results([run(0, [0.1]), *(run(s, [math.inf]) for s in range(1, 6))]))


def test_thirty_variants_of_long_names(made):
    names = ["x" * 200 + str(i) for i in range(30)]
    records = [
        made.record(
            name,
            seed,
            run=f"run-{i}-{seed}",
            history=[{"epoch": e, "val_accuracy": 0.5 + e / 10 + i / 100 + seed / 1000} for e in (1, 2)],
        )
        for i, name in enumerate(names)
        for seed in range(3)
    ]
    drawing = made.check(curves(made.results(records)))
    assert "8 of 30 variants" in drawing.note
    assert "and 28 others" in drawing.finding
    assert not overlapping(drawing)


def test_paired_names_the_runs_without_a_value(made):
    records = [made.record(name, s, summary={"test_accuracy": 0.9 if s else math.nan}) for name in "ab" for s in (0, 1)]
    with pytest.raises(PodiumError, match="missing or not finite in a-s0"):
        paired(made.results(records))


def test_runs_that_are_not_paired_by_seed(made):
    results = replace(made.compared({"a": 0.9, "b": 0.95, "c": 0.97}), paired=False, baseline="b")
    with pytest.raises(PodiumError, match=r"not paired by seed.*Ask for the figure forest"):
        paired(results)
    drawing = made.check(forest(results))
    assert "of independent runs" in drawing.alt
    assert "a dot a run" in drawing.note
    assert "b = 0" in [t.get_text() for t in drawing.figure.axes[0].texts]
    offsets = drawing.figure.axes[0].collections[0].get_offsets().data
    mean = np.mean(list(results.by_seed("b", "test_accuracy").values()))
    assert offsets[:, 0] == pytest.approx([(v - mean) * 100 for v in results.by_seed("c", "test_accuracy").values()])
    assert "a" in frontier(results, cost="seconds").alt


def test_encodings_that_are_not_finite_or_too_many(made):
    table = {"encoding": {"table": [[1.0, 2.0], [3.0, 4.0]]}}
    five = made.compared({f"v{i}": 0.9 for i in range(5)}, 1, samples=lambda *_: table)
    assert encodings(five).note.startswith("3 of 5 encodings")
    with pytest.raises(PodiumError, match="encoding table of run-0-0 has values that are not finite"):
        encodings(made.compared({"a": 0.9}, 1, samples=lambda *_: {"encoding": {"table": [[math.nan]]}}))
