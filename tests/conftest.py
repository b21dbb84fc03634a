"""What all tests share: property tests have no time limit of their own, since the machine may be busy."""

from hypothesis import settings

settings.register_profile("pyhaproxy", deadline=None)
settings.load_profile("pyhaproxy")
