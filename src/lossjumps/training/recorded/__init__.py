"""Trainings made elsewhere: parameters of every recorded epoch and a loss, read from a user's files."""

RECORDED = "recorded"
"""The name in the configuration, where a training has that of its forcing."""
