"""Types that several rooms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

ArrayOrTensor = TypeVar("ArrayOrTensor", np.ndarray, "Tensor")
"""Of numpy or of PyTorch: what comes out is of the kind that went in."""
