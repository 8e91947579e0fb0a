"""Pictures as texts: what a record holds of a sample, and a page shows."""

from __future__ import annotations

import base64
import io

from PIL import Image
from torch import Tensor


def as_png(image_HW: Tensor) -> str:
    """Return a picture of bytes (H, W) as the address of a PNG that is its own content."""
    buffer = io.BytesIO()
    Image.fromarray(image_HW.cpu().numpy()).save(buffer, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
