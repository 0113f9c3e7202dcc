"""The thread that calls oneDNN for an engine's own threads."""

import os
import subprocess
import sys
import threading

import pytest

from keras import backend as K
from keras.runtimes.onednn import team as teams
from keras.runtimes.onednn.team import Team

pytestmark = [
    pytest.mark.skipif(K.backend() != "jax", reason="knows no engine: tested once"),
    pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="oneDNN is used on Linux alone"),
]


def test_work_is_done_by_one_thread_one_at_a_time():
    team, seen = Team(0), []

    def call(number):
        team.run(lambda: seen.append((number, threading.get_ident())))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, _ in seen) == list(range(20))
    assert len({ident for _, ident in seen} | {threading.get_ident()}) == 2


def test_what_work_raises_is_raised_and_the_next_is_done():
    team, seen = Team(0), []
    with pytest.raises(ZeroDivisionError):
        team.run(lambda: 1 / 0)
    team.run(lambda: seen.append(1))
    assert seen == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_a_forked_process_has_a_team_of_its_own():
    class Library:
        threads = staticmethod(lambda: 0)

    library = Library()
    teams.team(library).run(lambda: None)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            teams.team(library).run(lambda: None)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("setting", [None, "OMP_PROC_BIND", "GOMP_CPU_AFFINITY"])
def test_threads_stay_where_the_user_wants_them(monkeypatch, setting):
    for name in teams._SETTINGS:
        monkeypatch.delenv(name, raising=False)
    if setting:
        monkeypatch.setenv(setting, "0")
    cores = sorted(os.sched_getaffinity(0))
    wanted = cores if setting is None and len(cores) > 1 else []
    assert teams.own_cores(len(cores)) == wanted
    assert teams.own_cores(len(cores) + 1) == []
    assert os.sched_getaffinity(0) == set(cores)


def test_each_thread_is_put_on_a_core_of_its_own():
    program = """
import os, threading
from keras.runtimes.onednn.team import _NAME, Team

cores, made, end = sorted(os.sched_getaffinity(0)), [], threading.Event()

def stay():
    made.append(threading.get_native_id())
    end.wait()

def work():
    made.append(threading.get_native_id())
    for _ in cores[1:]:
        threading.Thread(target=stay, name=_NAME, daemon=True).start()
    while len(made) < len(cores):
        pass

Team(len(cores)).run(work)
print(sorted(os.sched_getaffinity(0)) == cores, sorted(c for t in made for c in os.sched_getaffinity(t)) == cores)
"""
    environment = {name: value for name, value in os.environ.items() if name not in teams._SETTINGS}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout == "True True\n", done
