"""Data that comes batch by batch: `Sequence`, and queues that fetch batches ahead."""

import queue
import random
import threading
from abc import abstractmethod

from .get_file import _extract_archive, _hash_file, get_file, validate_file  # noqa: F401


class Sequence:
    """A data set in batches: `seq[i]` is batch i, `len(seq)` how many there are.

    Safe with several workers, unlike a generator: each batch is asked for once per epoch.
    `on_epoch_end` may change the data.
    """

    use_sequence_api = True

    @abstractmethod
    def __getitem__(self, index):
        """Batch `index`: (x, y) or (x, y, sample weights)."""
        raise NotImplementedError

    @abstractmethod
    def __len__(self):
        """The number of batches."""
        raise NotImplementedError

    def on_epoch_end(self):
        """Called after each epoch."""

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]


class SequenceEnqueuer:
    """Fetches batches in threads, ahead of their use.

    Example:
        enqueuer = OrderedEnqueuer(sequence)
        enqueuer.start(workers=2, max_queue_size=10)
        batches = enqueuer.get()
        ...
        enqueuer.stop()
    """

    def __init__(self, sequence, use_multiprocessing=False):
        # Workers are threads: batches are made by NumPy, Pillow and h5py, which release the
        # interpreter's lock, and a process in which JAX runs threads must not be forked.
        self.sequence = sequence
        self.use_multiprocessing = use_multiprocessing
        self.queue = None
        self.stop_signal = None
        self._threads = []

    def is_running(self):
        return self.stop_signal is not None and not self.stop_signal.is_set()

    def start(self, workers=1, max_queue_size=10):
        """Starts the workers.

        # Arguments
            workers: number of threads.
            max_queue_size: how many batches may wait.
        """
        self.queue = queue.Queue(max(1, max_queue_size))
        self.stop_signal = threading.Event()
        self._begin(max(1, workers))

    def _thread(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _put(self, item):
        """Queues an item; gives up when the enqueuer is stopped."""
        while not self.stop_signal.is_set():
            try:
                self.queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def stop(self, timeout=None):
        """Stops the workers and waits for them."""
        if self.stop_signal is None:
            return
        self.stop_signal.set()
        for thread in self._threads:
            thread.join(timeout)
        self._threads = []

    def _taken(self):
        """The next item of the queue; None once the enqueuer is stopped."""
        while True:
            try:
                return self.queue.get(timeout=0.1)
            except queue.Empty:
                if not self.is_running():
                    return None

    def _begin(self, workers):
        raise NotImplementedError

    def get(self):
        """A generator over the batches; an error in a worker is raised here."""
        raise NotImplementedError


class OrderedEnqueuer(SequenceEnqueuer):
    """Batches of a `Sequence`, in order, epoch after epoch.

    # Arguments
        shuffle: whether the order of batches changes every epoch.
    """

    def __init__(self, sequence, use_multiprocessing=False, shuffle=False):
        super().__init__(sequence, use_multiprocessing)
        self.shuffle = shuffle

    def _begin(self, workers):
        self._tasks = queue.Queue(workers + self.queue.maxsize)
        self._thread(self._schedule)
        for _ in range(workers):
            self._thread(self._work)

    def _schedule(self):
        while not self.stop_signal.is_set():
            order = list(range(len(self.sequence)))
            if self.shuffle:
                random.shuffle(order)
            cells = []
            for index in order:
                cell = _Cell(index)
                cells.append(cell)
                # Results are read in the order they are queued here, whoever makes them first.
                if not self._offer(cell):
                    return
            for cell in cells:
                if not self._finished(cell):
                    return
            self.sequence.on_epoch_end()

    def _offer(self, cell):
        while not self.stop_signal.is_set():
            try:
                self._tasks.put(cell, timeout=0.1)
                return self._put(cell)
            except queue.Full:
                continue
        return False

    def _finished(self, cell):
        while not cell.done.wait(0.1):
            if self.stop_signal.is_set():
                return False
        return True

    def _work(self):
        while not self.stop_signal.is_set():
            try:
                cell = self._tasks.get(timeout=0.1)
            except queue.Empty:
                continue
            cell.fill(self.sequence)

    def get(self):
        while self.is_running():
            cell = self._taken()
            if cell is None or not self._finished(cell):
                return
            if cell.error is not None:
                self.stop()
                raise cell.error
            if cell.value is not None:
                yield cell.value


class _Cell:
    """A batch that is being made."""

    def __init__(self, index):
        self.index = index
        self.done = threading.Event()
        self.value = self.error = None

    def fill(self, sequence):
        try:
            self.value = sequence[self.index]
        except BaseException as error:
            self.error = error
        self.done.set()


class GeneratorEnqueuer(SequenceEnqueuer):
    """Items of a generator, fetched ahead; several workers take turns at it."""

    def __init__(self, generator, use_multiprocessing=False, wait_time=None, random_seed=None):
        super().__init__(generator, use_multiprocessing)
        self._lock = threading.Lock()

    def _begin(self, workers):
        self._running = workers
        for _ in range(workers):
            self._thread(self._work)

    def _work(self):
        while not self.stop_signal.is_set():
            try:
                with self._lock:
                    item = (next(self.sequence), None)
            except StopIteration:
                item = None
            except BaseException as error:
                item = (None, error)
            if item is None or item[1] is not None:
                with self._lock:
                    self._running -= 1
                    last = self._running == 0
                if item is not None or last:
                    self._put(item or (None, StopIteration()))
                return
            self._put(item)

    def get(self):
        while self.is_running():
            item = self._taken()
            if item is None:
                return
            value, error = item
            if isinstance(error, StopIteration):
                self.stop()
                return
            if error is not None:
                self.stop()
                raise error
            if value is not None:
                yield value
