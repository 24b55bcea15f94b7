"""Hooks, optimizer constructors, schedulers and online features."""
