"""Backends: what answers requests. One file each; `base.py` is the seam."""
