"""Health checks: one file per kind, the scheduler apart. See scheduler.Checker."""
