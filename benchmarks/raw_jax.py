"""The limit: the dense networks as a loop written by hand in JAX, one compiled call per step."""

import time

import cases
import numpy as np

CASES = ("tiny_mlp", "mlp")


def measure(name, repeats, timed):
    """What worker.measure gives, without Keras."""
    start = time.perf_counter()
    import jax
    import jax.numpy as jnp

    seconds = time.perf_counter() - start
    case, (x, y) = cases.CASES[name], cases.data(name)
    sizes = [100, 32, 1] if name == "tiny_mlp" else [784, 512, 512, 10]
    rate = 0.2 if name == "mlp" else 0.0
    shapes = [shape for a, b in zip(sizes, sizes[1:], strict=False) for shape in ((a, b), (b,))]
    parameters = [jnp.asarray(w) for w in cases.weights(shapes)]
    squares = [jnp.zeros_like(w) for w in parameters]

    def logits(parameters, x, key=None):
        last = len(parameters) // 2 - 1
        for i in range(last + 1):
            x = x @ parameters[2 * i] + parameters[2 * i + 1]
            if i < last:
                x = jax.nn.relu(x)
                if key is not None and rate:
                    key, mine = jax.random.split(key)
                    x = jnp.where(jax.random.bernoulli(mine, 1 - rate, x.shape), x / (1 - rate), 0)
        return x

    def loss_of(parameters, x, y, key):
        out = logits(parameters, x, key)
        if name == "tiny_mlp":
            return jnp.mean(jnp.maximum(out, 0) - out * y + jnp.log1p(jnp.exp(-jnp.abs(out))))
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(out), axis=-1))

    def step(parameters, squares, x, y, key):
        key, mine = jax.random.split(key)
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y, mine)
        squares = [0.9 * s + 0.1 * g * g for s, g in zip(squares, gradients, strict=True)]
        parameters = [p - 0.001 * g / (jnp.sqrt(s) + 1e-7)
                      for p, g, s in zip(parameters, gradients, squares, strict=True)]  # fmt: skip
        return parameters, squares, key, loss

    step = jax.jit(step, donate_argnums=(0, 1))
    final = jax.nn.sigmoid if name == "tiny_mlp" else jax.nn.softmax
    predict = jax.jit(lambda parameters, x: final(logits(parameters, x)))
    state = {"p": parameters, "s": squares, "key": jax.random.key(0)}

    def train(count, shuffle=True):
        order = np.random.permutation(case.samples) if shuffle else np.arange(case.samples)
        losses = []
        for i in range(count):
            rows = order[i * case.batch : (i + 1) * case.batch]
            state["p"], state["s"], state["key"], loss = step(state["p"], state["s"], x[rows], y[rows], state["key"])
            losses.append(loss)
        return float(np.mean(jax.device_get(losses)))

    def predict_all():
        return np.concatenate([np.asarray(predict(state["p"], x[i : i + case.batch]))
                               for i in range(0, case.samples, case.batch)])  # fmt: skip

    def singles():
        for _ in range(case.singles):
            np.asarray(predict(state["p"], x[:1]))

    start = time.perf_counter()
    train(1, shuffle=False)
    first = time.perf_counter() - start
    loss = train(case.steps, shuffle=False)
    predict_all()
    singles()
    return {
        "engine": "raw_jax", "case": name, "versions": {"jax": jax.__version__}, "loss": loss,
        "import_s": [seconds], "first_step_s": [first],
        "fit_ms": timed(lambda: train(case.steps), repeats, case.steps),
        "predict_ms": timed(predict_all, repeats, case.steps),
        "predict_one_ms": timed(singles, repeats, case.singles),
    }  # fmt: skip
