"""Reading through a cache equals reading without; a beam search that keeps everything finds the likeliest number."""

import math

import pytest
import torch

from podium.lab.models import build_model
from podium.lab.transcripts import END, PADDING, START
from podium.spec import LinesConfig, VisionToSequenceConfig

READER = VisionToSequenceConfig(dim=16, heads=2, depth=1, decoder_depth=2, patch=28, digits=3)
LINE = LinesConfig(reader="attention", dim=16, heads=2, depth=1, channels=4, digits=3, encoder="cnn")


def pictures(config, count=6):
    chance = torch.Generator().manual_seed(0)
    return torch.randn(count, 1, *((84, 84) if config.model == "vision_to_sequence" else (32, 84)), generator=chance)


def sharpened(config):
    """Return a model that says something: one that has learnt nothing says the same everywhere."""
    model = build_model(config).eval()
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=chance), alpha=0.3)
    return model


def read_again_and_again(model, images):
    """Read greedily with a whole forward pass for every token: no cache."""
    tokens = torch.full((len(images), 1), START)
    done = torch.zeros(len(images), dtype=torch.bool)
    for _ in range(model.digits + 1):
        following = model(images, tokens)[:, -1].argmax(dim=-1).masked_fill(done, PADDING)
        done |= following == END
        tokens = torch.cat((tokens, following[:, None]), dim=1)
    return tokens[:, 1:]


@torch.no_grad()
@pytest.mark.parametrize("position", ["none", "sinusoidal", "learned", "rotary"])
@pytest.mark.parametrize(
    "config", [READER, READER.but(attention="single", scores="additive"), READER.but(attention="torch"), LINE]
)
def test_the_cache_changes_nothing(config, position):
    model = sharpened(config.but(position=position))
    images = pictures(config, 32)
    read = model.read(images)
    assert torch.equal(read, read_again_and_again(model, images))
    memory = model.encode(images)
    pasts = model.start(memory)
    said = torch.randint(13, (32, 4), generator=torch.Generator().manual_seed(2))
    steps = [model.following(token, place, pasts) for place, token in enumerate(said.unbind(1))]
    assert torch.allclose(torch.stack(steps, dim=1), model.decode(said, memory), atol=1e-4)


@torch.no_grad()
def test_a_beam_of_one_is_greedy():
    model = sharpened(READER.but(decoding="beam", beam=1))
    greedy = sharpened(READER)
    assert torch.equal(model.read(pictures(READER)), greedy.read(pictures(READER)))


@torch.no_grad()
@pytest.mark.parametrize("position", ["learned", "rotary"])
def test_a_wide_beam_finds_the_likeliest_reading_of_all(position):
    config = READER.but(digits=1, position=position, decoding="beam", beam=13 * 12 + 1)
    model = sharpened(config)
    images = pictures(config, 4)
    read = model.read(images)
    pairs = torch.cartesian_prod(torch.arange(13), torch.arange(13))
    tokens = torch.cat((torch.full((169, 1), START), pairs[:, :1]), dim=1)
    stopped = pairs[:, 0] == END
    for image, found in zip(images, read, strict=True):
        log = model(image.expand(169, -1, -1, -1), tokens).log_softmax(dim=-1)
        first, second = (log[torch.arange(169), place, pairs[:, place]] for place in (0, 1))
        likely = first + torch.where(stopped, 0.0, second)
        likely[stopped & (pairs[:, 1] != PADDING)] = -math.inf
        assert found.tolist() == pairs[likely.argmax()].tolist()


@torch.no_grad()
def test_a_wider_beam_is_never_less_likely():
    images = pictures(READER, 16)

    def likelihood(config):
        model = sharpened(config)
        read = model.read(images)
        tokens = torch.cat((torch.full((16, 1), START), read), dim=1)
        log = model(images, tokens[:, :-1]).log_softmax(dim=-1).gather(-1, read[..., None]).squeeze(-1)
        ended = (read == END).cumsum(dim=1) - (read == END).long() > 0
        return log.masked_fill(ended, 0.0).sum(dim=1)

    greedy, beam = likelihood(READER), likelihood(READER.but(decoding="beam", beam=200))
    assert (beam >= greedy - 1e-5).all()
    assert (beam > greedy + 1e-5).any()


def test_reading_with_a_padding_mask_is_the_same():
    images = pictures(READER)
    masked = sharpened(READER.but(padding_mask=True))
    assert torch.equal(masked.read(images), sharpened(READER).read(images))
    tokens = torch.tensor([[START, 4, END, PADDING]] * 6)
    plain = sharpened(READER)
    assert torch.allclose(masked(images, tokens)[:, :3], plain(images, tokens)[:, :3], atol=1e-5)
    assert not torch.allclose(masked(images, tokens)[:, 3], plain(images, tokens)[:, 3], atol=1e-5)
