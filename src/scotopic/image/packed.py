"""What a raw network is given: packed planes, amplified, and for some how noisy they are.

Planes are `c h w`, float32, at half (Bayer) or a third (X-Trans) of the frame's size, in the order of `pack_bayer` and
`pack_xtrans`. Light is (dn - black) / (white - black), not clipped. Training and inference make them here alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mosaic import pack, xtrans_phase
from .noise_level import NoiseLevel
from .raw_frame import RawFrame

Planes = NDArray[np.float32]

HEADROOM = 4.0
"""How far above white an amplified value may lie: two stops of a lamp's glow are kept, the rest is white."""
COLOUR_OF_PLANE = {4: (0, 1, 1, 2), 9: (0, 0, 1, 1, 1, 1, 1, 2, 2)}
"""Which of R, G, B each packed plane is."""


def ratio_planes(light: Planes, ratio: float) -> Planes:
    """Planes as See-in-the-Dark takes them: light times `ratio`, clipped to [0, 1], in the camera's own colours.

    >>> ratio_planes(np.full((4, 1, 1), 0.01, np.float32), 100).max().item()
    1.0
    """
    return np.asarray(np.clip(light * np.float32(ratio), 0, 1))


def k_sigma_planes(
    light: Planes,
    white_balance: tuple[float, float, float],
    ratio: float,
    noise: NoiseLevel,
    range_dn: float,
    phase: NDArray[np.float32] | None = None,
) -> Planes:
    """White-balanced and amplified light, and what is needed for its k-sigma transform: 3 planes for each of `light`.

    First the light, times white balance and `ratio`, at most min(ratio, HEADROOM) so that what is white stays white in
    every colour. Then, plane by plane, the slope a and the offset b of its noise: variance = a * light + b (so that
    light / a + b / a^2 has variance = mean). `range_dn` is white - black. For X-Trans, `phase` comes last.
    """
    colours = COLOUR_OF_PLANE[light.shape[0]]
    gains = np.array([white_balance[colour] * ratio for colour in colours], np.float32)[:, None, None]
    slope = gains * np.float32(noise.gain_dn / range_dn)
    offset = (gains * np.float32(noise.read_sigma_dn / range_dn)) ** 2
    amplified = np.minimum(light * gains, np.float32(min(max(ratio, 1.0), HEADROOM)))
    shape = light.shape
    parts = [amplified, np.broadcast_to(slope, shape), np.broadcast_to(offset, shape)]
    if phase is not None:
        parts.append(phase[None])
    return np.concatenate(parts)


def planes_of(frame: RawFrame, ratio: float, noise: NoiseLevel, normalisation: str) -> Planes:
    """What a network takes, `c h w`, of a frame whose pattern begins at its canonical phase."""
    planes = pack(frame.light(), frame.cfa)
    phase = xtrans_phase(frame.cfa, *planes.shape[1:]) if frame.is_xtrans else None
    if normalisation == "ratio":
        return ratio_planes(planes, ratio)
    range_dn = frame.white_level_dn - float(frame.black_level_dn.mean())
    return k_sigma_planes(planes, frame.white_balance, ratio, noise, range_dn, phase)
