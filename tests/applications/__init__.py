"""Nets of keras.applications against keras_applications 1.0.8. `python -m tests.applications` compares all."""
