"""Checkpoints as their makers publish them, read as plain encoders: every tensor accounted for."""
