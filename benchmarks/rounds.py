"""Blocks of two or three seconds, in random order, thrown away when the machine was disturbed."""

import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, TypeVar

from benchmarks.machine import Watch

ROUNDS = 7
MOST_FOREIGN = 0.10
MOST_DRIFT = 0.15
MOST_THROWN_AWAY = 1 / 3

T = TypeVar("T")
Block = Callable[[], Awaitable[T]]


@dataclass
class Record(Generic[T]):
    """What every block of one workload gave, one list entry a round."""

    kept: dict[str, list[T]] = field(default_factory=lambda: defaultdict(list))
    blocks: int = 0
    thrown_away: int = 0
    worst_foreign: float = 0.0

    @property
    def measurable(self) -> bool:
        """Whether the machine was quiet enough for the figures to mean anything."""
        return self.thrown_away <= self.blocks * MOST_THROWN_AWAY


async def run_rounds(
    blocks: Mapping[str, Block[T]],
    lottery: random.Random,
    *,
    before_each: Callable[[], Awaitable[None]],
    rounds: int = ROUNDS,
    deadline: float,
) -> Record[T]:
    """Run every block once a round. A disturbed block is repeated until a third was thrown away;
    from then on, or past the deadline (`time.monotonic`), blocks are kept as they are, so that
    there is a figure to look at, but `measurable` is false.
    """
    record: Record[T] = Record()
    allowance = len(blocks) * rounds // 2  # then every third block was thrown away
    for number in range(1, rounds + 1):
        order = list(blocks)
        lottery.shuffle(order)
        for name in order:
            while True:
                await before_each()
                value, quiet = await _watched(blocks[name], record)
                if quiet:
                    break
                record.thrown_away += 1
                if record.thrown_away > allowance or time.monotonic() > deadline:
                    break
            record.kept[name].append(value)
        print(f"  round {number} of {rounds}, {record.thrown_away} thrown away", flush=True)
    return record


async def _watched(block: Block[T], record: Record[T]) -> tuple[T, bool]:
    before = Watch.now()
    value = await block()
    after = Watch.now()
    foreign = before.foreign(after)
    record.blocks += 1
    record.worst_foreign = max(record.worst_foreign, foreign)
    return value, foreign <= MOST_FOREIGN and before.drift(after) <= MOST_DRIFT


@dataclass(frozen=True, slots=True)
class Spread:
    """The median over the rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum."""
    return Spread(median(values), min(values), max(values))


def ratios(values: Sequence[float], floors: Sequence[float]) -> Spread:
    """Each round's value by the same round's floor."""
    return spread([value / floor for value, floor in zip(values, floors, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
