"""Contamination: whether what a probe asks stood in the files that the model was trained on."""
