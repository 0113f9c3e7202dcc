"""A thread whose values were taken by another thread's update uses the new ones."""

import threading

import numpy as np
import pytest

from keras import backend as K

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


USES = {
    "awaited": lambda jax, array: array.block_until_ready(),
    "awaited with others": lambda jax, array: jax.block_until_ready((array, array))[0],
    "read": lambda jax, array: np.asarray(array),
    "computed with": lambda jax, array: array + 0,
    "given to a program": lambda jax, array: jax.jit(lambda x: x + 0)(array),
}


@pytest.mark.parametrize("use", USES)
def test_values_taken_after_they_were_read(use):
    import jax

    from keras.runtimes.jax.sharing import Updates

    updates, held = Updates(), [jax.device_put(np.float32([1, 2]))]
    more = jax.jit(lambda array: array + 1, donate_argnums=0)

    def update():
        with updates:
            held[0] = more(held[0])

    other = threading.Thread(target=update)

    def attempt():
        array = held[0]
        if other.ident is None:  # not started yet
            other.start()
            other.join()
        return USES[use](jax, array)

    np.testing.assert_array_equal(updates.repeated(attempt), [2, 3])
    np.testing.assert_array_equal(updates.repeated(attempt), [2, 3])


def test_values_that_nobody_replaces():
    import jax

    from keras.runtimes.jax.sharing import Updates

    array = jax.device_put(np.ones(2))
    array.delete()
    with pytest.raises(RuntimeError, match="deleted"):
        Updates().repeated(np.asarray, array)
