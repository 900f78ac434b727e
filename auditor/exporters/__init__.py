"""Exporters: what is made of a finished record, one format a file."""
