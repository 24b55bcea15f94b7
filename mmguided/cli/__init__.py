"""Command line of the tools: arguments, checks, device setup, and running a Runner."""
