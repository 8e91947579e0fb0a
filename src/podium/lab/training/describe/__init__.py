"""Describe a live model as plain values: what the press draws its diagrams from, without torch.

Any module of torch's will do, ours or foreign. The description keeps everything; a diagram folds it to what a slide
holds and says so.
"""

from podium.lab.training.describe.files import describe_file
from podium.lab.training.describe.model import describe

__all__ = ["describe", "describe_file"]
