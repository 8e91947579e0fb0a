"""The modules deck walks clean from frozen results, its cells are right, and its playground plays."""

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from podium.press.build.browser import go, opened, settle
from podium.press.build.check.checking import judge
from podium.press.build.check.inspector import Inspect
from podium.press.build.deck import build_deck
from podium.press.build.node import node_executable
from podium.press.build.serve import serving
from podium.press.build.walk import walk
from podium.spec import Project

ROOT = Path(__file__).parents[2]
DECK = ROOT / "slides" / "decks" / "modules"
SHOWN = ".slidev-page:visible"
NET = """
class Net(Module):
    def __init__(self):
        super().__init__()
        self.weight = Parameter(torch.randn(3, 2))

    def forward(self, x):
        return x @ self.weight.T
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory, lend):
    """The deck, built once from the frozen results: its rendered folder and its site."""
    made = Project(tmp_path_factory.mktemp("modules") / "project")
    lend(made)
    made.experiments.symlink_to(ROOT / "experiments", target_is_directory=True)
    shutil.copytree(DECK, made.decks / "modules")
    return made.build / "decks" / "modules", build_deck(made, "modules", runs="frozen")[0].parent


@pytest.fixture
def played(built, browser):
    """The playground's slides in a browser, and their numbers: the neuron's first."""
    text = (built[0] / "slides.md").read_text("utf-8")
    numbers = [number for number, slide in enumerate(re.split(r"(?m)^layout: ", text)) if "<Play" in slide]
    with serving(built[1]) as address, opened(browser) as page:
        page.goto(f"{address}/#/1")
        settle(page)
        yield page, numbers


def state(page):
    """The loss and the border that a slide shows."""
    loss = float(page.locator(f"{SHOWN} .loss").inner_text())
    return loss, page.locator(f"{SHOWN} .border").get_attribute("d")


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a process a cell, and each imports torch
@pytest.mark.browser
def test_the_modules_deck_walks_clean_from_frozen_results(built, browser):
    inspect = Inspect(pictures=False)
    seen = walk(built[1], browser, [inspect])
    assert [finding.line for finding in judge(inspect, seen, deck="modules").findings] == []
    assert seen.slides >= 12


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.browser
def test_a_slider_moves_line_and_loss_by_key_and_by_pointer_and_the_slide_stays(played):
    page, (neuron, _) = played
    go(page, neuron, 0)
    before, here = state(page), page.url
    slider = page.locator(f"{SHOWN} input[aria-label='weight 2']")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    after = state(page)
    assert after[0] < before[0], "up and to the right lie the discs"
    assert after[1] != before[1]
    assert slider.input_value() == "0"
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    assert float(slider.input_value()) > 3
    assert state(page)[0] < after[0]
    page.locator(f"{SHOWN} .playground button", has_text="xor").click()
    assert state(page)[0] > 0.5, "no straight line divides these"
    assert page.url == here
    slider.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != here)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.browser
def test_a_network_trains_in_the_slide_and_at_once_where_nothing_may_move(played):
    page, (_, network) = played
    go(page, network, 0)
    before = state(page)
    assert 0 < before[0] < 0.69, "paper shows a training that has begun"
    train = page.locator(f"{SHOWN} .playground .go")
    train.click()
    page.locator(f"{SHOWN} .playground .go", has_text="Train again").wait_for(timeout=60_000)
    after = state(page)
    assert after[0] < 0.05
    assert after[1] != before[1]
    assert "48 of 48" in page.locator(f"{SHOWN} .now").inner_text()
    page.emulate_media(reduced_motion="reduce")
    page.locator(f"{SHOWN} .playground button", has_text="New weights").click()
    assert state(page)[0] > 0.5
    train.click()
    assert state(page)[0] < 0.05, "the end at once"
    page.locator(f"{SHOWN} .playground button", has_text=re.compile(r"^\s*1\s*$")).click()
    train.click()
    assert state(page)[0] > 0.3, "one neuron does not do it"


def in_node(code):
    """Run a module beside the deck's components and return what it says as JSON."""
    parts = (DECK / "components").as_uri()
    imports = f"import * as plane from '{parts}/plane.ts'\nimport {{ Network }} from '{parts}/network.ts'\n"
    command = [
        str(node_executable()),
        "--disable-warning=ExperimentalWarning",
        "--input-type=module",
        "-e",
        imports + code,
    ]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def test_the_networks_gradients_and_steps_are_torchs():
    import torch

    told = in_node(
        "const net = new Network(3, 5), points = plane.pointsOf('xor')\n"
        "const first = [...net.values], slopes = net.gradient(points)\n"
        "for (let i = 0; i < 50; i++) net.step(points, 0.03)\n"
        "console.log(JSON.stringify({ points, first, slopes, last: net.values, ...plane.score(points, net.now) }))"
    )
    values = torch.tensor(told["first"], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[p["x"], p["y"]] for p in told["points"]], dtype=torch.float64)
    discs = torch.tensor([p["disc"] for p in told["points"]], dtype=torch.float64)

    def loss():
        units = values[:-1].view(-1, 4)
        logits = (x @ units[:, :2].T + units[:, 2]).tanh() @ units[:, 3] + values[-1]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, discs)

    loss().backward()
    assert values.grad.tolist() == pytest.approx(told["slopes"], abs=1e-12)
    adam = torch.optim.Adam([values], lr=0.03)
    for _ in range(50):
        adam.zero_grad()
        loss().backward()
        adam.step()
    assert values.tolist() == pytest.approx(told["last"], abs=1e-9)
    assert loss().item() == pytest.approx(told["loss"], abs=1e-9)


def test_points_are_the_same_each_time_and_a_border_lies_where_the_model_cannot_decide():
    told = in_node(
        "const sets = Object.fromEntries(plane.SETS.map(set => [set, plane.pointsOf(set)]))\n"
        "const again = plane.pointsOf('xor'), lines = plane.border((x, y) => x - 2 * y + 0.3)\n"
        "console.log(JSON.stringify({ sets, again, lines }))"
    )
    assert list(told["sets"]) == ["simple", "diagonal", "split", "xor"]
    assert told["again"] == told["sets"]["xor"]
    for points in told["sets"].values():
        assert sum(point["disc"] for point in points) * 2 == len(points) == 48
    assert all(point["disc"] == (point["x"] * point["y"] < 0) for point in told["again"])
    assert all(abs(a - 2 * b + 0.3) < 1e-9 and abs(c - 2 * d + 0.3) < 1e-9 for a, b, c, d in told["lines"])


@pytest.fixture(scope="module")
def lab():
    """What the cells know, with random numbers and threads left as they were."""
    import torch

    threads, random = torch.get_num_threads(), torch.get_rng_state()
    try:
        yield runpy.run_path(str(DECK / "live.py"))
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(random)


def test_a_walk_that_misses_a_module_stops_the_build(lab):
    block = lab["block"]()
    found = [(name, module) for name, module in block.named_modules() if name]
    assert "attention.query " in lab["listed"](found, block)
    with pytest.raises(ValueError, match="other names than torch's"):
        lab["listed"](found[1:], block)


def test_parameters_stand_with_gradients_of_their_shape(lab):
    import torch

    layer = torch.nn.Linear(3, 2)
    with pytest.raises(ValueError, match="weight has no gradient"):
        lab["parameters_of"](layer)
    layer(torch.ones(1, 3)).sum().backward()
    assert lab["parameters_of"](layer)["numbers"].tolist() == ["6", "2", "8"]


def test_a_module_that_differs_from_torchs_stops_the_build(lab):
    import torch

    names = {"Module": torch.nn.Module, "Parameter": torch.nn.Parameter, "torch": torch}
    exec(NET, names)  # noqa: S102 - a slide's own code
    assert lab["against_torch"](names["Net"], NET)["name"].tolist() == ["weight"]
    with pytest.raises(ValueError, match="other names or answers"):
        lab["against_torch"](names["Net"], NET.replace("x @ self", "2 * x @ self"))


def test_pictures_are_drawn_the_same_twice_and_a_loss_must_fall(lab):
    import io

    import torch

    drawn = []
    for _ in range(2):
        for picture in (
            lab["family"](lambda x, w, b: torch.tanh(w * x + b), (1, 0), (4, -2)),
            lab["curve"]([0.7, 0.1]),
        ):
            drawn.append(io.BytesIO())
            picture.savefig(drawn[-1], format="svg")
    assert [each.getvalue() for each in drawn[:2]] == [each.getvalue() for each in drawn[2:]]
    with pytest.raises(ValueError, match=r"from 0\.70 to 0\.60 only"):
        lab["curve"]([0.7, 0.6])
