"""Keywords of the configuration language, a family a file; importing a module registers its keywords."""
