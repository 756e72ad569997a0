"""CIE L*a*b* of sRGB colours under D65, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from hypernet.retouch.core.degradation import to_linear

# Linear sRGB to XYZ, over the white point D65 (IEC 61966-2-1; as scikit-image has them).
_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
# Below it the slope of the cube root and of the power would be without limit.
_LEAST_LINEAR = 1e-4


def lab(colours: Tensor) -> Tensor:
    """sRGB-encoded colours in [0, 1], ``[..., 3]``, to L* in [0, 100], a* and b*.

    Linear light below 1e-4 counts as 1e-4 (L* = 0.09), so that gradients stay finite.
    """
    linear = to_linear(colours.clamp(0, 1)).clamp(min=_LEAST_LINEAR)
    matrix = colours.new_tensor(_TO_XYZ) / colours.new_tensor(_WHITE)[:, None]
    ratio = linear @ matrix.T
    root = torch.where(ratio > 0.008856, ratio.clamp(min=0.008856) ** (1 / 3), 7.787 * ratio + 16 / 116)
    x, y, z = root.unbind(dim=-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)
