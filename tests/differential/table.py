"""What was measured, as a Markdown table."""

from .groups import GROUPS

BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def markdown(reports):
    """Rows are groups, columns are runtimes; a cell is the largest relative difference."""
    runtimes = [report["runtime"] for report in reports]
    lines = [
        "| | compared | allowed | " + " | ".join(runtimes) + " |",
        "|---|---:|---:|" + "---:|" * len(runtimes),
    ]
    for name, group in GROUPS.items():
        measured = [report["groups"].get(name) for report in reports]
        if any(measured):
            count = max(entry["count"] for entry in measured if entry)
            cells = [f"{entry['largest']:.1e}" if entry and entry["largest"] else _exact(entry) for entry in measured]
            allowed = f"{group.tolerance:.0e}" if group.tolerance else "0"
            lines.append(f"| {group.title} | {count} | {allowed} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _exact(entry):
    return "0" if entry else "-"


def status(reports):
    """1 if anything is farther than allowed, or a runtime gave nothing."""
    good = all(
        report["groups"]
        and all(entry["largest"] <= GROUPS[name].tolerance for name, entry in report["groups"].items())
        for report in reports
    )
    return 0 if good else 1


def write(path, reports):
    """Puts the table between the two marks of a document."""
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    path.write_text(before + BEGIN + markdown(reports) + END + rest.split(END)[1], encoding="utf-8")
