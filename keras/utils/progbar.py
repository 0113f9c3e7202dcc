"""The progress bar."""

import os
import sys
import time


class Progbar:
    """Shows how far a loop is, with averages of some values.

    # Arguments
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
        # On a terminal (or in a notebook) the line is drawn over; in a file each drawing is a
        # line, so there are few of them.
        stream = sys.stdout
        self._dynamic = bool(getattr(stream, "isatty", lambda: False)()) or "ipykernel" in sys.modules
        self._dynamic = self._dynamic or "PYCHARM_HOSTED" in os.environ
        self._total_width = 0
        self._seen_so_far = 0
        self._values = {}
        self._start = time.time()
        self._last_update = 0
        self._drawn = False

    def update(self, current, values=None):
        """Goes to step `current`.

        # Arguments
            values: list of (name, value): shown averaged over the steps, stateful ones as they are.
        """
        steps = current - self._seen_so_far
        for name, value in values or ():
            if name in self.stateful_metrics:
                self._values[name] = value
            else:
                total = self._values.get(name)
                if total is None:
                    self._values[name] = [value * steps, steps]
                else:
                    total[0] += value * steps
                    total[1] += steps
        self._seen_so_far = current
        if not self.verbose:
            return
        now = time.time()
        done = self.target is not None and current >= self.target
        if self.verbose == 1:
            wait = self.interval if self._dynamic else max(self.interval, 60.0)
            if now - self._last_update < wait and not done and (self._dynamic or self._drawn):
                return
            if not self._dynamic and not done and self.target is not None:
                self._drawn = True
                if now - self._start < wait:
                    return
            self._draw(current, now, done)
            self._last_update = now
        elif done:
            sys.stdout.write(self._info(now, current, done) + "\n")
            sys.stdout.flush()

    def add(self, n, values=None):
        """Goes n steps on."""
        self.update(self._seen_so_far + n, values)

    def _draw(self, current, now, done):
        text = self._bar(current) + self._info(now, current, done)
        previous, self._total_width = self._total_width, len(text)
        if self._dynamic:
            text = "\r" + text + " " * max(previous - len(text), 0)
        else:
            text = text + ("" if done else "\n")
        sys.stdout.write(text + ("\n" if done else ""))
        sys.stdout.flush()

    def _bar(self, current):
        if self.target is None:
            return f"{current:7d}/Unknown"
        digits = len(str(self.target))
        filled = int(self.width * current / max(self.target, 1))
        bar = f"{current:{digits}d}/{self.target} ["
        if filled > 0:
            bar += "=" * (filled - 1) + (">" if current < self.target else "=")
        return bar + "." * (self.width - filled) + "]"

    def _info(self, now, current, done):
        elapsed = now - self._start
        per_step = elapsed / current if current else 0
        if self.verbose == 2:
            info = f" - {elapsed:.0f}s"
        elif self.target is not None and not done:
            info = f" - ETA: {_clock(per_step * (self.target - current))}"
        else:
            info = f" - {elapsed:.0f}s {_pace(per_step)}/step"
        for name, value in self._values.items():
            if isinstance(value, list):
                value = float(value[0] / max(1, value[1]))
            info += f" - {name}:"
            info += (f" {value:.4f}" if abs(value) > 1e-3 else f" {value:.4e}") if _is_number(value) else f" {value}"
        return info


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _clock(seconds):
    if seconds > 3600:
        return f"{seconds // 3600:.0f}:{seconds % 3600 // 60:02.0f}:{seconds % 60:02.0f}"
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}" if seconds > 60 else f"{seconds:.0f}s"


def _pace(seconds):
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
