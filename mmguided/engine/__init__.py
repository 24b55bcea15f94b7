"""Hooks, optimizer constructors and online features."""
