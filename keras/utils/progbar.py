"""The progress bar."""

import os
import shutil
import sys
import time

import numpy as np

# In a file each drawing is a line of its own, so there are few of them.
SECONDS_BETWEEN_LINES = 60.0


class Progbar:
    """Shows how far a loop is, with averages of some values.

    On a terminal or in a notebook one line is drawn over and over, cut to the width of the terminal while the loop
    goes on; elsewhere there is a line a minute, and one at the end.

    Args:
        target: number of steps, None if unknown.
        width: of the bar, in characters.
        verbose: 1 shows a bar, 2 one line at the end, 0 nothing.
        interval: seconds between two drawings at least.
        stateful_metrics: names of values shown as they are, not averaged over steps.
    """

    def __init__(self, target, width=30, verbose=1, interval=0.05, stateful_metrics=None):
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.stateful_metrics = set(stateful_metrics or ())
        self._terminal = bool(getattr(sys.stdout, "isatty", lambda: False)())
        self._dynamic = self._terminal or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ
        self._total_width = 0
        self._seen_so_far = 0
        self._values = {}
        self._start = time.time()
        self._last_update = 0 if self._dynamic else self._start

    def update(self, current, values=None):
        """Goes to step `current`; the last line is drawn when it reaches the target.

        Args:
            values: list of (name, value): shown averaged over the steps, stateful ones as they are.
        """
        if self.target is not None and current >= self.target:
            self.finish(current, values)
            return
        self._go_to(current, values)
        if self.verbose == 1:
            now = time.time()
            interval = self.interval if self._dynamic else max(self.interval, SECONDS_BETWEEN_LINES)
            if now - self._last_update >= interval:
                self._draw(self._fitted(now), last=False)
                self._last_update = now

    def add(self, n, values=None):
        """Goes n steps on."""
        self.update(self._seen_so_far + n, values)

    def finish(self, current, values=None):
        """Goes to step `current` and draws the last line there: for loops that were stopped, or whose length was
        not known.
        """
        self._go_to(current, values)
        now = time.time()
        if self.verbose == 1:
            self._draw(self._bar(self.width) + self._pace(now) + self._shown_values(), last=True)
        elif self.verbose:
            sys.stdout.write(f" - {now - self._start:.0f}s{self._shown_values()}\n")
            sys.stdout.flush()

    def _go_to(self, current, values):
        steps, self._seen_so_far = current - self._seen_so_far, current
        for name, value in values or ():
            if name in self.stateful_metrics or not _is_number(value):
                self._values[name] = [value, 1]
            else:
                total = self._values.setdefault(name, [0, 0])
                total[0] += value * steps
                total[1] += steps

    def _draw(self, text, last):
        previous, self._total_width = self._total_width, len(text)
        if self._dynamic:
            text = "\r" + text + " " * (previous - len(text))
        sys.stdout.write(text + ("\n" if last or not self._dynamic else ""))
        sys.stdout.flush()

    def _fitted(self, now):
        """The line while the loop goes on. One that the terminal would break could not be drawn over."""
        rest = self._time_left(now) + self._shown_values()
        room = shutil.get_terminal_size((0, 0)).columns - 1 if self._terminal else 0
        if room <= 0:
            return self._bar(self.width) + rest
        too_much = max(0, len(self._bar(self.width) + rest) - room)
        text = self._bar(max(min(self.width, 10), self.width - too_much)) + rest
        return text if len(text) <= room else text[: max(room - 3, 0)] + "..."

    def _bar(self, width):
        current, target = self._seen_so_far, self.target
        if target is None:
            return f"{current:7d}/Unknown"
        filled = int(width * min(current / max(target, 1), 1))
        head = ">" if current < target else "="
        bar = "=" * (filled - 1) + head if filled else ""
        return f"{current:{len(str(target))}d}/{target} [{bar:.<{width}}]"

    def _time_left(self, now):
        per_step = (now - self._start) / max(self._seen_so_far, 1)
        if self.target is None:
            return self._pace(now)
        return f" - ETA: {_clock(per_step * (self.target - self._seen_so_far))}"

    def _pace(self, now):
        elapsed = now - self._start
        return f" - {elapsed:.0f}s {_short(elapsed / max(self._seen_so_far, 1))}/step"

    def _shown_values(self):
        return "".join(f" - {name}: {_shown(*pair)}" for name, pair in self._values.items())


def _is_number(value):
    if isinstance(value, float):
        return True
    try:
        return np.asarray(value).dtype.kind in "fiub"
    except ValueError:  # a ragged list
        return False


def _shown(total, steps):
    """An average as it is shown; that of an array is the mean of its elements."""
    if not _is_number(total):
        return str(total)
    value = float(np.mean(total / max(steps, 1)))
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _clock(seconds):
    if seconds > 3600:
        return f"{seconds // 3600:.0f}:{seconds % 3600 // 60:02.0f}:{int(seconds % 60):02d}"
    return f"{seconds // 60:.0f}:{int(seconds % 60):02d}" if seconds > 60 else f"{seconds:.0f}s"


def _short(seconds):
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
