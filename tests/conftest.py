"""What every test shares: hypothesis takes its time, since a busy machine is no bug."""

from hypothesis import HealthCheck, settings

settings.register_profile("podium", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podium")
