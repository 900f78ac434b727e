"""auditor: measure a language model, write its model card, judge it against a policy."""

__version__ = "0.1.0"
