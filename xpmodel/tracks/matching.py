"""One-to-one pairs of stars that are equal in some labels."""

from __future__ import annotations

import numpy as np

# Stars that each one may be paired with: beyond these lies hardly a pair.
CANDIDATES = 32


def pair_nearest(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair points of a first kind with points of a second one; no point is in two pairs.

    The closest pairs are made first; of equally close ones that of the first rows. A point of the
    first kind whose 32 closest ones are all taken stays alone.

    Parameters
    ----------
    first, second : ndarray, (N, F) and (M, F)
        Finite, each column in units of how far the two of a pair may differ in it.

    Returns
    -------
    i, j : ndarray, (P,) int64
        Which of the first kind are in pairs, rising, and with which of the second.
    """
    from scipy.spatial import cKDTree

    nobody = np.empty(0, np.int64)
    if not (len(first) and len(second)):
        return nobody, nobody
    # The largest difference in any one column must be within bounds, not the sum of squares.
    k = min(CANDIDATES, len(second))
    distance, nearest = cKDTree(second).query(
        first, k=k, p=np.inf, distance_upper_bound=np.nextafter(1.0, 2.0), workers=-1
    )
    distance, nearest = np.reshape(distance, (-1, k)), np.reshape(nearest, (-1, k))
    i, place = np.nonzero(distance <= 1.0)
    j, apart = nearest[i, place], distance[i, place]
    taken_first, taken_second = np.zeros(len(first), bool), np.zeros(len(second), bool)
    chosen = []
    for number in np.lexsort((j, i, apart)).tolist():
        if not (taken_first[i[number]] or taken_second[j[number]]):
            taken_first[i[number]] = taken_second[j[number]] = True
            chosen.append(number)
    rows = np.sort(np.array(chosen, np.int64))
    return i[rows], j[rows]
