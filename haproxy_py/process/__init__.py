"""The program as processes: start, supervisor, workers, signals, privileges, and one configuration at work."""
