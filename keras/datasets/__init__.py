"""Data sets to try things on. They are downloaded when first asked for, to `~/.keras/datasets`."""

from . import boston_housing, cifar, cifar10, cifar100, fashion_mnist, imdb, mnist, reuters
