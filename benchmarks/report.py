"""What is printed: lines for people as they come, JSON lines for programs at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.rounds import Record, Spread, percentile

_BUSY_GENERATOR = 0.40


@dataclass
class Report:
    """Collects figures; `finish` prints them as JSON lines."""

    lines: list[dict[str, object]] = field(default_factory=list)
    measurable: bool = True

    def figure(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        floor: float | None = None,
        ratio: Spread | None = None,
        milliseconds: Sequence[float] = (),
        count: int | None = None,
        remark: str = "",
    ) -> None:
        """One figure. `milliseconds` are latencies; `count` is how many things it stands on."""
        p50, p99 = (
            (percentile(milliseconds, 0.5), percentile(milliseconds, 0.99))
            if milliseconds
            else (None, None)
        )
        self.lines.append(
            {
                "name": name,
                "value": _rounded(value),
                "unit": unit,
                "floor": _rounded(floor),
                "ratio": _rounded(ratio.median if ratio else None),
                "p50": _rounded(p50),
                "p99": _rounded(p99),
                "n": count if count is not None else len(milliseconds),
            }
        )
        parts = [f"{name:22} {value:10.4g} {unit}"]
        if ratio is not None:
            parts.append(f"ratio {ratio}")
        if p50 is not None and p99 is not None:
            parts.append(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        if remark:
            parts.append(remark)
        print("  " + "  ".join(parts), flush=True)

    def note(self, text: str) -> None:
        """Something to know when reading the figures."""
        print(f"  {text}", flush=True)

    def rounds(self, record: Record[Any]) -> None:
        """How quiet the machine was."""
        self.note(
            f"{record.thrown_away} of {record.blocks} blocks thrown away; "
            f"foreign CPU at most {record.worst_foreign:.0%} of the machine"
        )
        if not record.measurable:
            self.measurable = False
            self.note("NOT MEASURABLE NOW: too many blocks were disturbed; neither pass nor fail")

    def generator(self, name: str, share: float) -> None:
        """Say when the load generator itself may have been what was slow."""
        if share > _BUSY_GENERATOR:
            self.note(f"{name}: the load generator took {share:.0%} of a core; a lower bound")

    def finish(self) -> None:
        """The JSON lines."""
        print()
        for line in self.lines:
            print(orjson.dumps(line | {"measurable": self.measurable}).decode())


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
