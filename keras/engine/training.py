"""`Model`: a network that can be trained, evaluated and asked for predictions."""

from __future__ import annotations

import warnings
from contextlib import nullcontext

from .. import backend as K
from .. import losses, optimizers
from .. import metrics as metrics_module
from ..legacy import interfaces
from ..utils import losses_utils
from ..utils.generic_utils import slice_arrays, to_list, unpack_singleton
from ..utils.near_names import argument_meant
from . import training_arrays, training_data, training_generator, training_utils, training_validation
from . import training_feeding as feeding
from . import training_functions as functions
from . import training_shortcuts as shortcuts
from . import training_symbols as symbols
from .base_layer import Layer
from .network import Network
from .tracking import GrowingList
from .training_appended import AppendedMetrics
from .training_callbacks import training_model
from .training_compile import Plan

# Keras 2.0 and 2.1 had these here, under these names.
from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer, Sequence  # noqa: F401  # isort: skip
from .training_utils import check_loss_and_target_compatibility as _check_loss_and_target_compatibility  # noqa: F401  # isort: skip
from .training_utils import standardize_weights as _standardize_weights  # noqa: F401  # isort: skip
from .training_utils import batch_shuffle as _batch_shuffle  # noqa: F401  # isort: skip
from .training_utils import make_batches as _make_batches  # noqa: F401  # isort: skip
from .training_utils import standardize_input_data as _standardize_input_data  # noqa: F401  # isort: skip
from .training_utils import weighted_masked_objective as _weighted_masked_objective  # noqa: F401  # isort: skip

_slice_arrays = slice_arrays

__all__ = [
    "K", "Layer", "Model", "Network", "losses", "losses_utils", "metrics_module", "optimizers", "slice_arrays",
    "to_list", "training_arrays", "training_generator", "training_utils",
]  # fmt: skip

# What Keras 2 handed to TensorFlow's session; accepted by `compile` and without effect elsewhere.
_FUNCTION_ARGUMENTS = ("feed_dict", "fetches", "options", "run_metadata")


class Model(Network):
    """A network with training: `compile`, `fit`, `evaluate`, `predict`.

    Args:
        inputs: an input tensor or a list of them (from `Input`).
        outputs: an output tensor or a list of them.
        name: name of the model.
    """

    # ------------------------------------------------------------------ compiling

    def compile(
        self,
        optimizer,
        loss=None,
        metrics=None,
        loss_weights=None,
        sample_weight_mode=None,
        weighted_metrics=None,
        target_tensors=None,
        **kwargs,
    ):
        """Fixes how the model is trained: what is minimised, by what, and which weights change.

        The set of weights that training changes is the one that is trainable now. Errors leave the model as it was.

        Args:
            optimizer: name, configuration or instance.
            loss: name, function or `Loss` instance; with several outputs also a list or a dictionary
                by output name. `None` where `add_loss` says what to minimise.
            metrics: list of names, functions and `Metric` instances; with several outputs also a list
                of lists or a dictionary by output name.
            loss_weights: list or dictionary of factors of the outputs' losses.
            sample_weight_mode: `"temporal"` for one weight per time step (or a list or dictionary).
            weighted_metrics: like `metrics`, but sample weights and class weights count.
            target_tensors: tensors to compare with instead of fed targets.

        Raises:
            ValueError: unknown names, lists of the wrong length, nothing to minimise.
            TypeError: unknown arguments.
        """
        _check_compile_arguments(kwargs)
        optimizer = optimizers.get(optimizer)
        settings = {
            "optimizer": optimizer,
            "loss": loss or {},
            "loss_weights": loss_weights,
            "sample_weight_mode": sample_weight_mode,
            "_compile_metrics": metrics or [],
            "_compile_weighted_metrics": weighted_metrics,
            "_target_tensors": target_tensors,
            "_function_kwargs": kwargs,
        }
        if not self.built:
            # The model is compiled in full once data show its shapes.
            self._set(_is_compiled=False, **settings)
            return
        plan = Plan(self, loss, metrics, loss_weights, sample_weight_mode, weighted_metrics, target_tensors)
        for metric, name in zip(plan.metric_functions, plan.metric_names, strict=True):
            metric.name = name
        self._set(
            _is_compiled=True,
            **settings,
            **plan.attributes(),
            train_function=None,
            test_function=None,
            predict_function=None,
            _appended_metrics=AppendedMetrics(),
            # A copy: the layers' own lists may change later, what is trained may not.
            _collected_trainable_weights=list(self.trainable_weights),
            _fast_predict=None,
            _accepted={},
        )

    def _set(self, **attributes):
        """Sets attributes without the bookkeeping for layers and metrics of `__setattr__`."""
        self.__dict__.update(attributes)

    @property
    def metrics(self):
        """The model's metrics: those of `compile`, then those added to the model and its layers."""
        if not getattr(self, "_is_compiled", False):
            return self._added_metrics()
        return self._compile_metric_functions + self._added_metrics() + self._appended_metrics.complete(self)

    def _added_metrics(self):
        """Metrics of `add_metric`; not those that a nested model was compiled with."""
        found = list(getattr(self, "_metrics", None) or [])
        for layer in Network.layers.fget(self):
            of_layer = layer._added_metrics() if isinstance(layer, Model) else layer.metrics
            found += [m for m in of_layer if not any(m is f for f in found)]
        return found

    @property
    def metrics_names(self):
        """The names of the values that training and evaluation report, `'loss'` first."""
        names = ["loss"]
        compiled = getattr(self, "_is_compiled", False)
        if compiled and len(self.outputs) > 1:
            names += [f"{name}_loss" for i, name in enumerate(self.output_names) if i not in self.skip_target_indices]
        names += [m.name for m in self.metrics]
        if not compiled:
            return names
        appended = self._appended_metrics
        return GrowingList(names + appended.waiting_names(), appended.names.append)

    @metrics_names.setter
    def metrics_names(self, names):
        pass  # `+=` has told the list already

    @property
    def metrics_tensors(self):
        """The tensors behind `metrics_names[1:]`."""
        return GrowingList(self._metric_outputs()[0], self._appended_metrics.tensors.append)

    @metrics_tensors.setter
    def metrics_tensors(self, tensors):
        pass  # as above

    @property
    def metrics_updates(self):
        """The updates of the metrics' states."""
        return self._metric_outputs()[1]

    def _metric_outputs(self):
        """The tensors of all metrics and the updates of their states."""
        tensors = list(self._compiled_metric_tensors)
        updates = list(self._compiled_metric_updates)
        for metric in self._added_metrics() + self._appended_metrics.complete(self):
            tensor, here = functions.of_added_metric(self, metric)
            tensors += [] if tensor is None else [tensor]
            updates += here
        return tensors, updates

    def reset_metrics(self):
        """Sets the states of all metrics back to zero."""
        for metric in list(getattr(self, "_output_loss_metrics", None) or []) + self.metrics:
            metric.reset_states()

    # ------------------------------------------------------------------ compiled functions

    def _uses_dynamic_learning_phase(self):
        """Whether the compiled functions take the learning phase as their last input."""
        return functions.uses_dynamic_learning_phase(self)

    def _get_callback_model(self):
        """The model that callbacks get: this one, or what scripts put into `callback_model`."""
        return training_model(self)

    def _phase(self, flag):
        return [flag] if self._uses_dynamic_learning_phase() else []

    def _check_trainable_weights_consistency(self):
        """Warns where `trainable` was changed after `compile`."""
        functions.check_trainable_weights(self)

    def _make_train_function(self):
        """Makes `train_function(x + y + sample_weights)`: one training step, giving loss and metrics."""
        functions.make_train_function(self)

    def _make_test_function(self):
        """Makes `test_function(x + y + sample_weights)`: loss and metrics of a batch."""
        functions.make_test_function(self)

    def _make_predict_function(self):
        """Makes `predict_function(x)`: the model's outputs. Needs no `compile`."""
        functions.make_predict_function(self)

    # ------------------------------------------------------------------ data

    def _standardize_user_data(
        self, x, y=None, sample_weight=None, class_weight=None, check_array_lengths=True, batch_size=None
    ):
        return feeding.standardize_user_data(
            self, x, y, sample_weight, class_weight, check_array_lengths, batch_size
        )

    def _set_inputs(self, inputs, outputs=None, training=None):
        feeding.set_inputs(self, inputs, outputs, training)

    def _validate_or_infer_batch_size(self, batch_size, steps, x):
        return feeding.infer_batch_size(self, batch_size, steps, x)

    def _compile_now(self):
        """Compiles as `compile` was asked to before the shapes were known."""
        self.compile(
            optimizer=self.optimizer,
            loss=self.loss,
            metrics=self._compile_metrics,
            loss_weights=self.loss_weights,
            sample_weight_mode=self.sample_weight_mode,
            weighted_metrics=self._compile_weighted_metrics,
            target_tensors=self._target_tensors,
            **self._function_kwargs,
        )

    # ------------------------------------------------------------------ training, testing, predicting

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose=1,
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_freq=1,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
        **kwargs,
    ):
        """Trains the model.

        Args:
            x, y: arrays, lists of arrays or dictionaries by input and output name; or `x` a generator, a
                `Sequence` or another iterable of batches (torch's `DataLoader`) that gives `(x, y)` or
                `(x, y, sample_weight)`; or `None` for a model that is built on tensors.
            batch_size: samples per step, 32 by default.
            epochs: train until this epoch, counted from the first ever.
            verbose: 0 silent, 1 a progress bar, 2 one line per epoch.
            callbacks: list of `keras.callbacks.Callback`.
            validation_split: fraction of the samples to validate on, taken from the end before shuffling.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, a generator or a `Sequence`.
            shuffle: whether to shuffle the samples before each epoch; `'batch'` shuffles whole batches.
            class_weight: dictionary `class number -> factor of the loss`.
            sample_weight: factor of the loss per sample, `(samples,)`, or per step, `(samples, steps)`.
            initial_epoch: the epoch to go on from.
            steps_per_epoch: batches per epoch, needed for generators.
            validation_steps: batches of validation, for generators.
            validation_freq: validate every so many epochs, or a list of epochs, counted from 1.
            max_queue_size, workers, use_multiprocessing: how generators are run.

        Returns:
            The `History` callback: `history.history` is a dictionary `name -> values per epoch`.

        Raises:
            RuntimeError: the model is not compiled.
            ValueError, TypeError: data that do not fit the model or each other. Nothing has changed then.
        """
        epochs = training_utils.epoch_number("epochs", _old_names(kwargs, epochs))
        initial_epoch = training_utils.epoch_number("initial_epoch", initial_epoch)
        batch_size = self._validate_or_infer_batch_size(batch_size, steps_per_epoch, x)
        x, y, sample_weight, workers = symbols.batched(
            (x, y, sample_weight), workers, steps_per_epoch, "steps_per_epoch"
        )
        if isinstance(validation_data, (tuple, list)) and symbols.holds_tensors(*validation_data):
            validation_data, *_, workers = symbols.batched(
                validation_data, workers, validation_steps, "validation_steps"
            )
        queue = {"max_queue_size": max_queue_size, "workers": workers, "use_multiprocessing": use_multiprocessing}
        if training_data.is_generator_or_sequence(x):
            training_utils.check_generator_arguments(y, sample_weight, validation_split)
            return self.fit_generator(
                x, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose, callbacks=callbacks,
                validation_data=validation_data, validation_steps=validation_steps,
                validation_freq=validation_freq, class_weight=class_weight, shuffle=shuffle,
                initial_epoch=initial_epoch, **queue,
            )  # fmt: skip
        feeding.assert_compiled(self)
        feeding.check_given("fitting", "steps_per_epoch", steps_per_epoch, x, y)
        x, y, weights = self._standardize_user_data(x, y, sample_weight, class_weight, batch_size=batch_size)
        feeding.check_fed(self, y)
        ins, validation = training_validation.for_arrays(
            self, x + y + weights, validation_data, validation_split, batch_size, steps_per_epoch,
            validation_steps, validation_freq, (initial_epoch, epochs), **queue,
        )  # fmt: skip
        self._make_train_function()
        if validation is not None:
            self._make_test_function()
        with validation or nullcontext():
            return training_arrays.fit_arrays(
                self, self.train_function, ins + self._phase(1), self.metrics_names, batch_size=batch_size,
                epochs=epochs, verbose=verbose, callbacks=callbacks, validate=validation,
                val_inputs=validation.inputs if validation else None, shuffle=shuffle,
                initial_epoch=initial_epoch, steps_per_epoch=steps_per_epoch, validation_freq=validation_freq,
            )  # fmt: skip

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose=1,
        sample_weight=None,
        steps=None,
        callbacks=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
    ):
        """The loss and the metrics on test data, batch by batch.

        Args:
            x, y, batch_size, sample_weight: as in `fit`.
            verbose: 1 shows a progress bar.
            steps: number of batches, for generators and models built on tensors.

        Returns:
            The loss, or a list in the order of `metrics_names`.
        """
        batch_size = self._validate_or_infer_batch_size(batch_size, steps, x)
        x, y, sample_weight, workers = symbols.batched((x, y, sample_weight), workers, steps, "steps")
        if training_data.is_generator_or_sequence(x):
            training_utils.check_generator_arguments(y, sample_weight)
            return self.evaluate_generator(
                x, steps=steps, verbose=verbose, callbacks=callbacks, max_queue_size=max_queue_size,
                workers=workers, use_multiprocessing=use_multiprocessing,
            )  # fmt: skip
        feeding.assert_compiled(self)
        feeding.check_given("evaluating", "steps", steps, x, y)
        x, y, weights = self._standardize_user_data(x, y, sample_weight, batch_size=batch_size)
        feeding.check_fed(self, y)
        self._make_test_function()
        return training_arrays.test_loop(
            self, self.test_function, x + y + weights + self._phase(0), batch_size=batch_size, verbose=verbose,
            steps=steps, callbacks=callbacks,
        )  # fmt: skip

    def predict(
        self,
        x,
        batch_size=None,
        verbose=0,
        steps=None,
        callbacks=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
    ):
        """The model's outputs for all samples of `x`, computed batch by batch.

        Args:
            x, batch_size: as in `fit`.
            verbose: 1 shows a progress bar.
            steps: number of batches, for generators and models built on tensors.

        Returns:
            An array, or a list of arrays for several outputs.
        """
        quick = shortcuts.predict_at_once(self, x, batch_size, verbose, steps, callbacks)
        if quick is not None:
            return quick
        batch_size = self._validate_or_infer_batch_size(batch_size, steps, x)
        x, workers = symbols.batched((x,), workers, steps, "steps")
        if training_data.is_generator_or_sequence(x):
            return self.predict_generator(
                x, steps=steps, callbacks=callbacks, max_queue_size=max_queue_size, workers=workers,
                use_multiprocessing=use_multiprocessing, verbose=verbose,
            )  # fmt: skip
        feeding.check_given("predicting", "steps", steps, x)
        x, _, _ = self._standardize_user_data(x)
        if feeding.check_samples(x):
            return self.predict_on_batch(x)
        if self.stateful and steps is None and x[0].shape[0] > batch_size:
            feeding.check_stateful_batches(x, batch_size)
        self._make_predict_function()
        shortcuts.learn_fast_predict(self)
        return training_arrays.predict_loop(
            self, self.predict_function, x + self._phase(0), batch_size=batch_size, verbose=verbose,
            steps=steps, callbacks=callbacks,
        )  # fmt: skip

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, reset_metrics=True):
        """One training step on one batch.

        Args:
            x, y, sample_weight, class_weight: as in `fit`.
            reset_metrics: whether the metrics are of this batch alone; otherwise they go on from before.

        Returns:
            The loss (before the step), or a list in the order of `metrics_names`.
        """
        function, ins = self._training_call(x, y, sample_weight, class_weight)
        outputs = function(ins)
        if reset_metrics:
            self.reset_metrics()
        return unpack_singleton(outputs)

    def test_on_batch(self, x, y, sample_weight=None, reset_metrics=True):
        """Loss and metrics of one batch; see `train_on_batch`."""
        function, ins = self._testing_call(x, y, sample_weight)
        outputs = function(ins)
        if reset_metrics:
            self.reset_metrics()
        return unpack_singleton(outputs)

    def predict_on_batch(self, x):
        """The outputs for one batch, in one run."""
        function, ins = self._predicting_call(x)
        return unpack_singleton(function(ins))

    # The compiled function and its inputs for one batch.

    def _training_call(self, x, y, sample_weight=None, class_weight=None):
        return self._call_on_batch("train_function", self._make_train_function, 1, x, y, sample_weight, class_weight)

    def _testing_call(self, x, y, sample_weight=None):
        return self._call_on_batch("test_function", self._make_test_function, 0, x, y, sample_weight, None)

    def _call_on_batch(self, name, make, phase, x, y, sample_weight, class_weight):
        plain = sample_weight is None and class_weight is None
        ins = shortcuts.inputs_like_before(self, name, x, y) if plain else None
        if ins is None:
            feeding.assert_compiled(self)
            arrays, targets, weights = self._standardize_user_data(x, y, sample_weight, class_weight)
            feeding.check_fed(self, targets)
            make()
            ins = training_arrays.densified(arrays + targets + weights) + self._phase(phase)
            if plain:
                shortcuts.accept(self, name, x, y, ins)
        return getattr(self, name), ins

    def _predicting_call(self, x):
        # Inputs may differ in length, as in Keras 2: one sample of one goes with all of another.
        x, _, _ = self._standardize_user_data(x, check_array_lengths=False)
        if {a.shape[0] for a in x} == {0}:
            return lambda _: feeding.outputs_for_none(self), []
        self._make_predict_function()
        return self.predict_function, training_arrays.densified(x) + self._phase(0)

    # ------------------------------------------------------------------ generators

    @interfaces.legacy_generator_methods_support
    def fit_generator(
        self,
        generator,
        steps_per_epoch=None,
        epochs=1,
        verbose=1,
        callbacks=None,
        validation_data=None,
        validation_steps=None,
        validation_freq=1,
        class_weight=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
        shuffle=True,
        initial_epoch=0,
    ):
        """Trains on batches from a generator, prepared by `workers` while the model computes.

        Args:
            generator: gives `(x, y)` or `(x, y, sample_weight)` without end, or a `Sequence` of them.
            steps_per_epoch: batches per epoch; of a `Sequence` by default all.
            shuffle: whether a `Sequence` is gone through in random order.
            max_queue_size: batches prepared ahead.
            workers: threads (or processes) that prepare; 0 prepares in the main thread.
            Others as in `fit`.

        Returns:
            The `History` callback.
        """
        feeding.assert_compiled(self)
        self._build_from_batches(generator)
        return training_generator.fit_generator(
            self, generator, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose,
            callbacks=callbacks, validation_data=validation_data, validation_steps=validation_steps,
            validation_freq=validation_freq, class_weight=class_weight, max_queue_size=max_queue_size,
            workers=workers, use_multiprocessing=use_multiprocessing, shuffle=shuffle,
            initial_epoch=initial_epoch,
        )  # fmt: skip

    @interfaces.legacy_generator_methods_support
    def evaluate_generator(
        self,
        generator,
        steps=None,
        callbacks=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
        verbose=0,
    ):
        """Evaluates on batches from a generator; see `evaluate` and `fit_generator`."""
        feeding.assert_compiled(self)
        self._build_from_batches(generator)
        return training_generator.evaluate_generator(
            self, generator, steps=steps, callbacks=callbacks, max_queue_size=max_queue_size, workers=workers,
            use_multiprocessing=use_multiprocessing, verbose=verbose,
        )  # fmt: skip

    @interfaces.legacy_generator_methods_support
    def predict_generator(
        self,
        generator,
        steps=None,
        callbacks=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
        verbose=0,
    ):
        """Predicts for batches from a generator, of `x` or `(x, ...)`; see `predict` and `fit_generator`."""
        return training_generator.predict_generator(
            self, generator, steps=steps, callbacks=callbacks, max_queue_size=max_queue_size, workers=workers,
            use_multiprocessing=use_multiprocessing, verbose=verbose,
        )  # fmt: skip

    def _build_from_batches(self, generator):
        """Builds a model without input shape from the first batch of a `Sequence`."""
        if not self.built and training_data.is_sequence(generator):
            self._set_inputs(generator[0][0])
        if self.built and not self._is_compiled:
            self._compile_now()


def _check_compile_arguments(kwargs):
    for name in kwargs:
        if name not in _FUNCTION_ARGUMENTS:
            raise TypeError(f"`compile` got an unknown argument `{name}`.{argument_meant([name], Model.compile)}")


def _old_names(kwargs, epochs):
    if "nb_epoch" in kwargs:
        warnings.warn("The `nb_epoch` argument in `fit` has been renamed `epochs`.", stacklevel=3)
        epochs = kwargs.pop("nb_epoch")
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {', '.join(kwargs)}.{argument_meant(kwargs, Model.fit)}")
    return epochs
