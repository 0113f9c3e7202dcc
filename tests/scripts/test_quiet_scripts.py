"""Scripts of the Keras 1 years run, and what they hear is one line for each line that is out of date."""

import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = """
    import numpy as np
    from keras import backend as K
    from keras.callbacks import ModelCheckpoint
    from keras.layers import Dense, Dropout, Input
    from keras.layers.core import Activation
    from keras.models import Model, Sequential, load_model
    from keras.utils import np_utils

    X, Y = np.random.rand(20, 4), np_utils.to_categorical(np.arange(20) % 2, 2)
    model = Sequential()
    model.add(Dense(output_dim=8, input_dim=4, init='normal'))  # old
    model.add(Activation('relu'))
    model.add(Dropout(p=0.5))  # old
    model.add(Dense(2))
    model.add(Activation('softmax'))
    model.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
    for i in range(20):
        model.train_on_batch(X, Y)
        model.predict(X)
    hist = model.fit(X, Y, nb_epoch=2, batch_size=10, verbose=0, validation_split=0.1)  # old
    score = model.evaluate(X, Y, verbose=0)

    inputs = Input((4,))
    frozen = Dense(2)
    whole = Model(input=inputs, output=frozen(inputs))  # old
    whole.compile('sgd', 'mse')
    frozen.trainable = False
    for i in range(20):
        whole.train_on_batch(X, Y)  # old
    model.save('model.h5')
    assert load_model('model.h5').predict_classes(X).shape == (20,)
    assert model.predict_proba(X).shape == (20, 2)
"""


def test_a_warning_for_each_old_line_and_no_more(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "KERAS_HOME": str(tmp_path), "HOME": str(tmp_path)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout == ""
    old = [i for i, line in enumerate(script.read_text().splitlines(), 1) if line.endswith("# old")]
    warned = [line for line in result.stderr.splitlines() if "Warning: " in line]
    assert [line.split("UserWarning: ")[0] for line in warned] == [f"{script}:{i}: " for i in old]
    assert result.stderr.startswith("Using JAX backend.") and len(result.stderr.splitlines()) == 1 + 2 * len(old)
