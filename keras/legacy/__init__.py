"""What remains of Keras 1: its argument names (`interfaces`) and removed layers (`layers`)."""
