"""The 64 variants of ViT-64 that are to be trained in a minute on one GPU, each by its name."""

from __future__ import annotations

from podium.spec import Variant, ViTConfig

SWEEP = ViTConfig(depth=6, epochs=10, train_images=55_000)


def sweep_variants(baseline: ViTConfig = SWEEP) -> list[Variant]:
    """Return encoding x optimiser x rate x strength of augmentation x seed, 64 of them."""
    return [
        Variant(
            f"{position} {optimizer} {rate:g} affine {strength:g} seed {seed}",
            baseline.but(
                position=position,
                optimizer=optimizer,
                weight_decay=baseline.weight_decay if optimizer == "adamw" else 0.0,  # as experiments/optimizer.py
                learning_rate=rate,
                augment=strength,
                seed=seed,
            ),
        )
        for position in ("none", "sinusoidal", "learned", "rotary")
        for optimizer in ("adam", "adamw")
        for rate in (3e-4, 3e-3)
        for strength in (0.5, 1.0)
        for seed in (0, 1)
    ]


def meant(variant: Variant) -> bool:
    """Say whether a variant is meant to reach 99 %: whether it is told where a patch lies, at the usual rate.

    The others belong to the sweep to show what they cost: without an encoding a 6 is a 9, and with a tenth of the rate
    ten epochs are too few.
    """
    config = variant.config.as_dict()
    return config["position"] != "none" and config["learning_rate"] == SWEEP.learning_rate
