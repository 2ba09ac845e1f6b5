"""Measurements: how long, beside a floor measured in the same run."""
