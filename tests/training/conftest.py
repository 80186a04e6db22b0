"""Chooses MKL's rounding while tests are collected: before any test of the session multiplies matrices."""

import lossjumps.training.numerics  # noqa: F401
