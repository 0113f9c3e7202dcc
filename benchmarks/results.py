"""What was measured, kept in a JSON file: written after every case, so that nothing is lost."""

import json
import os
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cases import CASES
from engines import LIMITS, PEERS


@dataclass
class Results:
    """`records` are the workers' lines; `failures` say why a case did not run: {case: {engine: reason}}."""

    about: dict = field(default_factory=dict)
    records: list = field(default_factory=list)
    failures: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)

    @classmethod
    def read(cls, path):
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))

    def write(self, path):
        """To a temporary name first: a run that is cut off leaves the last whole file."""
        partly = Path(f"{path}.part")
        lines = [json.dumps(record) for record in self.records]
        rest = {k: v for k, v in asdict(self).items() if k != "records"}
        partly.write_text(
            json.dumps(rest, indent=1)[:-2] + ',\n "records": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8"
        )
        os.replace(partly, path)

    def fail(self, case, engine, reason):
        self.failures.setdefault(case, {})[engine] = reason

    def found(self, case, engine, measure):
        """All measurements, over all rounds."""
        values = []
        for record in self.records:
            if record["case"] == case and record["engine"] == engine and record.get(measure) is not None:
                value = record[measure]
                values += value if isinstance(value, list) else [value]
        return values

    def median(self, case, engine, measure):
        """The median, or None where there is no measurement."""
        values = self.found(case, engine, measure)
        return statistics.median(values) if values else None

    def middle_loss(self, case):
        """The median of all engines' losses after the first epoch; None of fewer than two."""
        losses = [self.median(case, engine, "loss") for engine in self.versions()]
        losses = [loss for loss in losses if loss is not None]
        return statistics.median(losses) if len(losses) > 1 else None

    def computed_something_else(self, case, engine):
        """Whether an engine's loss after the first epoch is not the others'."""
        loss, middle, tolerance = self.median(case, engine, "loss"), self.middle_loss(case), CASES[case].tolerance
        return None not in (loss, middle, tolerance) and not abs(loss - middle) <= tolerance * abs(middle)

    def fastest(self, case, engines, measure):
        """(engine, median) of the fastest of these engines that computed the same, or (None, None)."""
        medians = {e: self.median(case, e, measure) for e in engines if not self.computed_something_else(case, e)}
        medians = {e: m for e, m in medians.items() if m is not None}
        if not medians:
            return None, None
        best = min(medians, key=medians.get)
        return best, medians[best]

    def fastest_peer(self, case, measure):
        return self.fastest(case, PEERS, measure)

    def limit(self, case, measure):
        return self.fastest(case, LIMITS, measure)

    def versions(self):
        """{engine: {distribution: version}} of all that ran."""
        return {record["engine"]: record["versions"] for record in self.records}
