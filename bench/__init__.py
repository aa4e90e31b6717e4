"""Measurements: peers under our faults, and what exactly-once costs. Nothing imports this."""
