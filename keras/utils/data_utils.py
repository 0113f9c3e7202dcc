"""Data that comes batch by batch: `Sequence`, and queues that fetch batches ahead."""

import itertools
import queue
import random
import threading
import time
import warnings
from abc import abstractmethod
from concurrent.futures import Future, wait

import numpy as np

from .generic_utils import Progbar  # noqa: F401
from .get_file import _extract_archive, _hash_file, get_file, validate_file  # noqa: F401

# How long `stop` waits for workers in the middle of a batch. Threads that take longer end by
# themselves after it, processes are killed.
SECONDS_TO_STOP = 2.0
# How long a batch is waited for, as in Keras 2, before its worker counts as hung.
SECONDS_TO_ARRIVE = 30.0


class Sequence:
    """A data set in batches: `seq[i]` is batch i, `len(seq)` how many there are.

    Safe with several workers, unlike a generator: each batch is asked for once per epoch, and they
    arrive in order. `on_epoch_end` may change the data.

    Example:
        class Images(Sequence):
            def __init__(self, files, labels, batch_size):
                self.files, self.labels, self.batch_size = files, labels, batch_size

            def __len__(self):
                return math.ceil(len(self.files) / self.batch_size)

            def __getitem__(self, i):
                rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
                return np.stack([imread(f) for f in self.files[rows]]), self.labels[rows]
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


def checked_length(batches):
    """The length of a `Sequence`, one or more.

    Raises:
        ValueError: it has no batches (any more).
    """
    if not batches:
        raise ValueError("The Sequence is empty: its length is 0.")
    return batches


class SequenceEnqueuer:
    """Fetches batches ahead of their use.

    Example:
        enqueuer = OrderedEnqueuer(sequence)
        enqueuer.start(workers=2, max_queue_size=10)
        batches = enqueuer.get()
        ...
        enqueuer.stop()
    """

    def __init__(self, sequence, use_multiprocessing=False):
        self.sequence = sequence
        self.use_multiprocessing = use_multiprocessing
        self.queue = None
        self.stop_signal = None
        self._threads = []
        self._failure = None

    def is_running(self):
        """Whether it was started and not stopped since."""
        return self.stop_signal is not None and not self.stop_signal.is_set()

    def start(self, workers=1, max_queue_size=10):
        """Starts the workers.

        Args:
            workers: how many threads or processes.
            max_queue_size: how many batches may wait.
        """
        self.queue = queue.Queue(max(1, max_queue_size))
        self.stop_signal = threading.Event()
        self._failure = None
        try:
            self._begin(max(1, workers))
        except BaseException:
            self.stop()
            raise

    def _thread(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _put(self, to, item):
        """Queues an item; gives up (False) when the enqueuer is stopped."""
        while not self.stop_signal.is_set():
            try:
                to.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def _taken(self, source, slow=None):
        """The next item of a queue; None once the enqueuer is stopped. `slow` is what to say if it does not come."""
        end = time.monotonic() + SECONDS_TO_ARRIVE
        while not self.stop_signal.is_set():
            try:
                return source.get(timeout=0.1)
            except queue.Empty:
                if slow and time.monotonic() > end:
                    warnings.warn(slow, stacklevel=4)
                    slow = None
        return None

    def _fail(self, error):
        """Makes `get` raise the error at its next turn, before batches that are ready."""
        if not self.stop_signal.is_set():
            self._failure = error
            self.stop_signal.set()

    def _raise_failure(self):
        if self._failure is not None:
            error, self._failure = self._failure, None
            self.stop()
            raise error

    def stop(self, timeout=None):
        """Stops the workers and waits for them, at most `timeout` seconds (2 by default)."""
        if self.stop_signal is None:
            return
        self.stop_signal.set()
        end = time.monotonic() + (SECONDS_TO_STOP if timeout is None else timeout)
        self._end(end)
        for thread in self._threads:
            # One whose start was interrupted cannot be joined; it ends by itself.
            if thread is not threading.current_thread() and thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        self._threads = []

    def _begin(self, workers):
        raise NotImplementedError

    def _end(self, deadline):
        """Ends what is not a thread."""

    def get(self):
        """A generator over the batches; an error in a worker is raised here."""
        raise NotImplementedError


def ends_epochs(sequence):
    """Whether something happens in the `on_epoch_end` of a `Sequence`."""
    return getattr(sequence.on_epoch_end, "__func__", None) is not Sequence.on_epoch_end


class OrderedEnqueuer(SequenceEnqueuer):
    """Batches of a `Sequence`, in order, epoch after epoch.

    Args:
        use_multiprocessing: prepare batches in processes. Each gets the sequence by value, again after
            every `on_epoch_end`, and has its random numbers seeded per batch, so that they do not
            depend on which process does what.
        shuffle: whether the order of batches changes every epoch.
    """

    def __init__(self, sequence, use_multiprocessing=False, shuffle=False):
        super().__init__(sequence, use_multiprocessing)
        self.shuffle = shuffle
        self.end_of_epoch_signal = threading.Event()
        self.at_end_of_epoch = False
        self._tasks = []
        self._hung = []  # batches that did not come in time, with the tasks of those who make them
        self._limit = None  # how many batches are wanted in all
        self._last_epoch = None  # how many epochs are, counted from 1
        self._processes = []
        self._parcel = None

    def _begin(self, workers):
        if self.use_multiprocessing:
            self._begin_processes(workers)
        # Threads share one list of tasks. Processes have one each and take turns, so that a sequence
        # that changes while it is used (a random generator of its own) gives the same in every run.
        shared = queue.Queue()
        self._tasks = [queue.Queue() for _ in self._processes] or [shared] * workers
        self._thread(self._schedule, itertools.cycle(self._tasks))
        for place, own in enumerate(self._tasks):
            self._thread(self._work, own, self._processes[place] if self._processes else None)

    def _begin_processes(self, workers):
        from .worker_process import Parcel, WorkerProcess

        try:
            self._parcel = Parcel(self.sequence)
        except Exception as error:
            warnings.warn(
                f"`use_multiprocessing=True`, but the {type(self.sequence).__name__} cannot be taken to other "
                f"processes ({type(error).__name__}: {error}). Its batches are prepared in threads. Open files "
                "and the like in `__getitem__`, or leave them out in `__getstate__`.",
                stacklevel=5,
            )
            return
        self._seed = np.random.randint(2**31 - 1)
        for _ in range(workers):
            self._processes.append(WorkerProcess())

    def _schedule(self, tasks):
        number = epoch = 0
        # Where nothing happens at the end of an epoch, the next one's batches need not wait for it.
        waits = ends_epochs(self.sequence)
        try:
            while number != self._limit and epoch != self._last_epoch:
                order = list(range(checked_length(len(self.sequence))))
                if self.shuffle:
                    random.shuffle(order)
                for index in order:
                    if number == self._limit:
                        return
                    batch = Future()
                    own = next(tasks)
                    own.put((number, index, batch))
                    # Results are read in the order they are queued here, whoever makes them first.
                    if not self._put(self.queue, (batch, index, own, waits and index == order[-1])):
                        return
                    number += 1
                if waits and not self._end_epoch():
                    return
                epoch += 1
                self.end_of_epoch_signal.set()
        except BaseException as error:
            self._fail(error)

    def _end_epoch(self):
        """Calls `on_epoch_end` once all batches are taken; False if the enqueuer is stopped before."""
        if not self._all_taken():
            return False
        self.sequence.on_epoch_end()
        if self._processes:
            from .worker_process import Parcel

            self._parcel = Parcel(self.sequence, before=self._parcel)
        return True

    def _all_taken(self):
        """Waits until no batch is left in the queue; False once the enqueuer is stopped."""
        with self.queue.all_tasks_done:
            while self.queue.unfinished_tasks and self.is_running():
                self.queue.all_tasks_done.wait(0.1)
        return self.is_running()

    def _work(self, tasks, process):
        while (task := self._taken(tasks)) is not None:
            number, index, batch = task
            if not batch.set_running_or_notify_cancel():
                continue
            try:
                if process is None:
                    batch.set_result(self.sequence[index])
                else:
                    batch.set_result(process.batch(self._parcel, index, [self._seed, number]))
            except BaseException as error:
                if (batch, tasks) not in self._hung:
                    self._fail(error)
                return

    def _end(self, deadline):
        for tasks in self._tasks:
            tasks.put(None)  # workers without work end at once
        for process in self._processes:
            process.close()
        for process in self._processes:
            process.join(max(0.05, min(0.5, deadline - time.monotonic())))
        self._processes = []
        if self._parcel is not None:
            self._parcel.remove()
            self._parcel = None

    def join_end_of_epoch(self):
        """Waits until the sequence's `on_epoch_end` was called, after all batches of an epoch were taken."""
        while self.is_running() and not self.end_of_epoch_signal.wait(0.1):
            continue
        self.end_of_epoch_signal.clear()
        self._raise_failure()

    def get(self):
        while (item := self._taken(self.queue)) is not None:
            batch, index, tasks, self.at_end_of_epoch = item
            if not self._arrives(batch, index, tasks) and self.is_running():
                batch = self._made_here(index)
            if not self.is_running():
                break
            self.queue.task_done()
            if batch.result() is not None:
                yield batch.result()
        self._raise_failure()

    def _arrives(self, batch, index, tasks):
        """Waits for a batch; False if its worker seems to hang, or if all do who could make it."""
        end = time.monotonic() + SECONDS_TO_ARRIVE
        while self.is_running() and not batch.done():
            self._hung = [(late, own) for late, own in self._hung if not late.done()]
            if sum(own is tasks for _, own in self._hung) >= self._tasks.count(tasks) and batch.cancel():
                return False
            wait([batch], 0.1)
            if time.monotonic() > end and not batch.done():
                warnings.warn(
                    f"The input {index} could not be retrieved. It could be because a worker has died.", stacklevel=4
                )
                if not batch.cancel():
                    self._hung.append((batch, tasks))
                return False
        return batch.done()

    def _made_here(self, index):
        batch = Future()
        try:
            batch.set_result(self.sequence[index])
        except BaseException as error:
            self._fail(error)
        return batch


class GeneratorEnqueuer(SequenceEnqueuer):
    """Items of a generator, fetched ahead by one thread, in order.

    More workers would have to take turns, and a generator cannot be taken to other processes.

    Args:
        sequence: the generator.
        use_multiprocessing, random_seed: without effect; so is wait_time, with a warning.
    """

    def __init__(self, sequence, use_multiprocessing=False, wait_time=None, random_seed=None):
        if wait_time is not None:
            warnings.warn("`wait_time` is not used anymore.", DeprecationWarning, stacklevel=2)
        super().__init__(sequence, use_multiprocessing)
        self.random_seed = random_seed

    def _begin(self, workers):
        self._thread(self._work)

    def _work(self):
        try:
            for item in self.sequence:
                if not self._put(self.queue, (item,)):
                    return
            self._put(self.queue, None)
        except BaseException as error:
            self._fail(error)

    def get(self):
        slow = f"The generator has given no batch for {SECONDS_TO_ARRIVE:.0f} seconds; it is waited for."
        while (item := self._taken(self.queue, slow)) is not None:
            if item[0] is not None:
                yield item[0]
        self._raise_failure()


# What the workers of Keras 2 ran; some scripts set up pools of their own with these.
_SHARED_SEQUENCES = {}


def init_pool(seqs):
    """Gives a worker the sequences, a dictionary by number."""
    global _SHARED_SEQUENCES
    _SHARED_SEQUENCES = seqs


def init_pool_generator(gens, random_seed=None):
    """Gives a worker the generators; `random_seed` makes its random numbers its own."""
    init_pool(gens)
    if random_seed is not None:
        np.random.seed(random_seed + threading.get_ident() % 2**16)


def get_index(uid, i):
    """Batch `i` of the sequence with number `uid`."""
    return _SHARED_SEQUENCES[uid][i]


def next_sample(uid):
    """The next item of the generator with number `uid`."""
    return next(_SHARED_SEQUENCES[uid])
