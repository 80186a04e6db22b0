"""Trainings made elsewhere: parameters of every recorded epoch and a loss, read from a user's files."""
