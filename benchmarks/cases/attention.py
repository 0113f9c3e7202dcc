"""A small Transformer encoder of the layers that Keras 2 has."""

from sessions import is_keras_3

from .base import Case, binary_sequences

WIDTH, HEADS, LENGTH = 64, 4, 64


class Transformer(Case):
    name = "transformer"
    title = "Transformer encoder, 2 layers of 4 heads, width 64, 64 words, batch 32, Adam"
    batch, steps, singles = 32, 25, 50
    tolerance = 0.15  # versions list the layers in another order, and so give the common weights to other heads
    loss = "binary_crossentropy"

    def data(self):
        return binary_sequences(self.samples, LENGTH, 5000)

    def build(self, keras):
        L = keras.layers
        inputs = L.Input(shape=(LENGTH,), dtype="int32")
        x = L.Embedding(5000, WIDTH)(inputs)
        for _ in range(2):
            x = normalize(keras, L.add([x, attention(L, x)]))
            x = normalize(keras, L.add([x, L.Dense(WIDTH)(L.Dense(2 * WIDTH, activation="relu")(x))]))
        x = L.Dropout(0.1)(L.GlobalAveragePooling1D()(x))
        return keras.models.Model(inputs, L.Dense(1, activation="sigmoid")(x))

    def optimizer(self, optimizers):
        return optimizers.Adam(learning_rate=0.001)


def attention(L, x):
    """Each head has dense layers of its own, as scripts for Keras 2 have it."""
    size, heads = WIDTH // HEADS, []
    for _ in range(HEADS):
        query, key, value = L.Dense(size)(x), L.Dense(size)(x), L.Dense(size)(x)
        scores = L.Lambda(lambda t: t / size**0.5)(L.dot([query, key], axes=[2, 2]))
        heads.append(L.dot([L.Activation("softmax")(scores), value], axes=[2, 1]))
    return L.Dense(WIDTH)(L.concatenate(heads))


def normalize(keras, x):
    """Layer normalisation without weights, by Lambda; Keras 3 has its operations elsewhere."""
    ops = keras.ops if is_keras_3(keras) else keras.backend

    def standardized(t):
        centered = t - ops.mean(t, axis=-1, keepdims=True)
        return centered / ops.sqrt(ops.mean(centered * centered, axis=-1, keepdims=True) + 1e-6)

    return keras.layers.Lambda(standardized, output_shape=(LENGTH, WIDTH))(x)


CASES = [Transformer]
