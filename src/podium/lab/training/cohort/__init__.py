"""Cohorts: variants of one shape trained together, each with the result that it would have had alone.

What differs in number (rates, optimiser, dropout, seed, kind of encoding, schedule) is data, what differs in shape
makes another cohort. `train_together` decides; everything else here is how.
"""

from podium.lab.training.cohort.grouping import why_alone
from podium.lab.training.cohort.together import train_together

__all__ = ["train_together", "why_alone"]
