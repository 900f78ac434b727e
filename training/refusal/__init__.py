"""Trains `minilm-refusal`, which tells refusals, compliance and incoherent replies apart, and measures it."""
