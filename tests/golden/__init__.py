"""Golden records: models saved by other programs, with inputs and what those programs computed.

`python -m tests.golden FOLDER` checks every record in a folder (its README.md tells the format).
"""
