"""Trains the scorers that auditor ships: `python -m training`, or `make scorers`."""
