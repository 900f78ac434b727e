"""Scorers: what an answer is worth. One measurement a file; `base.py` is the seam."""
