"""The worker agent: one process per node that starts engines, watches them and answers the runner.

It imports no torch, PIL or numpy, so that it answers while an engine holds its interpreter for a minute.
"""
