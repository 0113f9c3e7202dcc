"""Attributes by the names they had in Keras 2.0 and 2.1."""


class OtherName:
    """Stands for another attribute, until a program sets an attribute of this name itself."""

    def __init__(self, name):
        self.name = name

    def __get__(self, owner, cls=None):
        return self if owner is None else getattr(owner, self.name)
