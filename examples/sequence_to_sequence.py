"""Sequence to sequence: numbers in words, translated letter by letter into digits.

    python examples/sequence_to_sequence.py [--quick]

"four hundred and twelve" -> "412". An LSTM reads the words; its last states are the first of another
LSTM, which writes the digits and in training is told the right one before each step (teacher forcing;
Sutskever et al., 2014). For translating, the same layers become two models: one that reads, one that
writes a digit at a time and hands its states on.
"""

import argparse

import numpy as np

from keras.layers import LSTM, Dense, Input
from keras.models import Model
from keras.optimizers import Adam

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few epochs")
arguments = parser.parse_args()
np.random.seed(0)

EPOCHS = 10 if arguments.quick else 60
LATENT_DIM = 64
START, END = "<", ">"

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen").split()  # fmt: skip
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def words(number):
    """A number below 1000 in English."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    rest = f" and {words(number % 100)}" if number % 100 else ""
    return f"{ONES[number // 100]} hundred{rest}"


def one_hot(texts, index, length):
    x = np.zeros((len(texts), length, len(index)), dtype="float32")
    for i, text in enumerate(texts):
        for t, letter in enumerate(text):
            x[i, t, index[letter]] = 1
    return x


order = np.random.permutation(1000)
input_texts = [words(number) for number in order]
target_texts = [f"{START}{number}{END}" for number in order]
input_index = {letter: i for i, letter in enumerate(sorted(set("".join(input_texts))))}
target_index = {letter: i for i, letter in enumerate(sorted(set("".join(target_texts))))}
target_letters = list(target_index)
longest = max(map(len, input_texts))

# Words run towards the end, so that their last letters are the last read.
encoder_input_data = one_hot([text[::-1] for text in input_texts], input_index, longest)[:, ::-1]
decoder_data = one_hot(target_texts, target_index, 5)
decoder_input_data, decoder_target_data = decoder_data[:, :-1], decoder_data[:, 1:]
TRAINING = 800

encoder_inputs = Input(shape=(None, len(input_index)))
encoder_outputs, state_h, state_c = LSTM(LATENT_DIM, return_state=True)(encoder_inputs)
encoder_states = [state_h, state_c]

decoder_inputs = Input(shape=(None, len(target_index)))
decoder_lstm = LSTM(LATENT_DIM, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = Dense(len(target_index), activation="softmax")
decoder_outputs = decoder_dense(decoder_outputs)

model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer=Adam(lr=0.005), loss="categorical_crossentropy")
model.fit(
    [encoder_input_data[:TRAINING], decoder_input_data[:TRAINING]], decoder_target_data[:TRAINING],
    batch_size=32, epochs=EPOCHS, verbose=0,
)  # fmt: skip

# Reading and writing apart, with the trained layers.
encoder_model = Model(encoder_inputs, encoder_states)
decoder_state_input_h, decoder_state_input_c = Input(shape=(LATENT_DIM,)), Input(shape=(LATENT_DIM,))
decoder_states_inputs = [decoder_state_input_h, decoder_state_input_c]
decoder_outputs, state_h, state_c = decoder_lstm(decoder_inputs, initial_state=decoder_states_inputs)
decoder_model = Model([decoder_inputs] + decoder_states_inputs, [decoder_dense(decoder_outputs), state_h, state_c])


def decode_sequences(input_seq):
    """What is read in each of some texts."""
    states_value = encoder_model.predict(input_seq)
    written = [START] * len(input_seq)
    for _ in range(4):
        target_seq = one_hot([text[-1] for text in written], target_index, 1)
        output_tokens, h, c = decoder_model.predict([target_seq] + states_value)
        written = [
            text if text.endswith(END) else text + target_letters[best]
            for text, best in zip(written, output_tokens[:, -1].argmax(axis=-1))
        ]
        states_value = [h, c]
    return written


decoded = decode_sequences(encoder_input_data[TRAINING:])
for source, result in list(zip(input_texts[TRAINING:], decoded))[:10]:
    print(f"  {source:35s} {result.strip(START + END)}")
right = np.mean([result == wanted for result, wanted in zip(decoded, target_texts[TRAINING:])])
print(f"Held-out numbers: {right:.1%} of {len(decoded)} right")
