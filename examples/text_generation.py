"""Text generation, letter by letter, with an LSTM.

    python examples/text_generation.py [--quick]

The network learns from Python's own help texts (`help('topics')`) which letter comes next. After each
few epochs a callback lets it write; the temperature says how bold it is. The first texts are noise,
then come syllables and words.
"""

import argparse
import random
import re
import sys
from pydoc_data.topics import topics

import numpy as np

from keras.callbacks import LambdaCallback
from keras.layers import LSTM, Dense
from keras.models import Sequential
from keras.optimizers import RMSprop

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="a short text, a small network, few epochs: it stays nonsense")
arguments = parser.parse_args()
np.random.seed(4)
random.seed(4)

EPOCHS, EVERY, LETTERS, WRITTEN = (3, 3, 6000, 60) if arguments.quick else (12, 4, 60000, 300)
MAXLEN, STEP = 30, 3
UNITS = 64 if arguments.quick else 128

text = " ".join(topics[name] for name in sorted(topics)).lower()
text = re.sub(r"[^a-z.,]+", " ", text)[:LETTERS]
chars = sorted(set(text))
char_indices = {c: i for i, c in enumerate(chars)}
print(f"corpus length: {len(text)}, {len(chars)} different letters")

sentences = [text[i : i + MAXLEN] for i in range(0, len(text) - MAXLEN, STEP)]
next_chars = [text[i + MAXLEN] for i in range(0, len(text) - MAXLEN, STEP)]
x = np.zeros((len(sentences), MAXLEN, len(chars)), dtype=bool)
y = np.zeros((len(sentences), len(chars)), dtype=bool)
for i, sentence in enumerate(sentences):
    for t, char in enumerate(sentence):
        x[i, t, char_indices[char]] = 1
    y[i, char_indices[next_chars[i]]] = 1

model = Sequential()
model.add(LSTM(UNITS, input_shape=(MAXLEN, len(chars))))
model.add(Dense(len(chars), activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(lr=0.01))


def sample(preds, temperature=1.0):
    """The number of a letter, drawn by its probability; a low temperature favours the likely ones."""
    preds = np.log(np.asarray(preds).astype("float64") + 1e-12) / temperature
    exp_preds = np.exp(preds - preds.max())
    return np.argmax(np.random.multinomial(1, exp_preds / exp_preds.sum(), 1))


def on_epoch_end(epoch, logs):
    """Writes a few texts that go on from the same place in the corpus."""
    if (epoch + 1) % EVERY:
        return
    print(f"----- after epoch {epoch + 1}, loss {logs['loss']:.2f}")
    start_index = random.randint(0, len(text) - MAXLEN - 1)
    for diversity in (0.2, 0.5, 1.0):
        sentence = text[start_index : start_index + MAXLEN]
        sys.stdout.write(f"temperature {diversity}: [{sentence}]")
        for _ in range(WRITTEN):
            x_pred = np.zeros((1, MAXLEN, len(chars)))
            for t, char in enumerate(sentence):
                x_pred[0, t, char_indices[char]] = 1.0
            preds = model.predict(x_pred, verbose=0)[0]
            next_char = chars[sample(preds, diversity)]
            sentence = sentence[1:] + next_char
            sys.stdout.write(next_char)
            sys.stdout.flush()
        print()


history = model.fit(
    x, y, batch_size=128, epochs=EPOCHS, verbose=0, callbacks=[LambdaCallback(on_epoch_end=on_epoch_end)]
)
print(f"Loss per letter: {history.history['loss'][0]:.2f} in the first epoch, {history.history['loss'][-1]:.2f} in the "
      f"last (guessing: {np.log(len(chars)):.2f})")  # fmt: skip
