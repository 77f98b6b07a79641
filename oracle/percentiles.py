"""Exact percentiles, and percentiles of exponential histograms (docs/contract.md R4).

A histogram's bucket i holds the latencies above b^i and at most b^(i+1) ms, b = 2^(1/16); what is
less than 1 ns counts as 1 ns. Whole numbers decide where a latency belongs: no logarithm does.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

NS_PER_MS = 1_000_000
BUCKETS_PER_DOUBLING = 16
BASE = 2 ** (1 / BUCKETS_PER_DOUBLING)
# what the reading of a percentile from buckets may be off by, relative
BUCKET_ERROR = (BASE - 1) / (BASE + 1)
SHARES = (0.5, 0.95, 0.99)

# 1 ns lies in the first bucket, 2^63 ns in the last
_FIRST_BUCKET = math.floor(math.log2(1 / NS_PER_MS) * BUCKETS_PER_DOUBLING) - 1
_LAST_BUCKET = math.ceil(math.log2(2**63 / NS_PER_MS) * BUCKETS_PER_DOUBLING)


def percentile_of(ordered: Sequence[float], share: float) -> float:
    """A percentile of sorted values, by linear interpolation (numpy 'linear', Spark's)."""
    position = (len(ordered) - 1) * share
    low, high = math.floor(position), math.ceil(position)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def _greatest_ns(bucket: int) -> int:
    """The greatest whole ns of a bucket: the 16th root of 2^(bucket + 1) · 10^96, rounded down."""
    power = bucket + 1
    whole = NS_PER_MS**BUCKETS_PER_DOUBLING
    whole = whole << power if power >= 0 else whole >> -power
    for _ in range(BUCKETS_PER_DOUBLING.bit_length() - 1):
        whole = math.isqrt(whole)
    return whole


_GREATEST = [_greatest_ns(bucket) for bucket in range(_FIRST_BUCKET, _LAST_BUCKET + 1)]


def bucket_of(latency_ns: int) -> int:
    """The bucket of a latency in ns."""
    return bisect_left(_GREATEST, max(latency_ns, 1)) + _FIRST_BUCKET


def is_exact_power(latency_ns: int) -> bool:
    """Whether a latency is a power of two ms: there rounding may choose the next bucket."""
    milliseconds, rest = divmod(latency_ns, NS_PER_MS)
    if rest == 0 and milliseconds:
        return milliseconds & (milliseconds - 1) == 0
    return latency_ns in _PARTS_OF_A_MS


_PARTS_OF_A_MS = frozenset(NS_PER_MS >> n for n in range(1, 7))


def are_buckets_of(latencies_ns: Iterable[int], told: Mapping[int, int]) -> bool:
    """Whether a histogram holds these latencies; exact powers may be told one bucket higher."""
    fixed: Counter[int] = Counter()
    movable: Counter[int] = Counter()
    for latency_ns in latencies_ns:
        (movable if is_exact_power(latency_ns) else fixed)[bucket_of(latency_ns)] += 1
    moved = 0
    for bucket in sorted({*fixed, *movable, *(b + 1 for b in movable), *told}):
        here = fixed[bucket] + moved + movable[bucket]
        moved = here - told.get(bucket, 0)
        if not 0 <= moved <= movable[bucket]:
            return False
    return moved == 0


def bucket_percentile(buckets: Mapping[int, int], share: float) -> float:
    """A percentile in ms, read from a histogram of bucket → count.

    Each latency is taken for the one value of its bucket that is never further off than
    (b - 1) / (b + 1) of any latency in it: 2 · b^i · b^(i+1) / (b^i + b^(i+1)). Between the two
    latencies around the percentile's place it is interpolated as the exact one is, so the same
    bound holds.
    """
    ordered = sorted(buckets)
    position = (sum(buckets.values()) - 1) * share
    low = _value_at(ordered, buckets, math.floor(position))
    high = _value_at(ordered, buckets, math.ceil(position))
    return low + (high - low) * (position - math.floor(position))


def _value_at(ordered: Sequence[int], buckets: Mapping[int, int], place: int) -> float:
    for bucket in ordered:
        place -= buckets[bucket]
        if place < 0:
            return 2 * BASE ** (bucket + 1) / (1 + BASE)
    raise ValueError(f"the histogram of {sum(buckets.values())} latencies has no place {place}")
