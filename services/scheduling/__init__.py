"""Scheduling: who works when, and the tasks of their shifts."""
