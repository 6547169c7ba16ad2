"""The one error of setting up."""

from appliance.errors import ApplianceError


class OnboardingError(ApplianceError):
    """Setting up cannot go on at all."""
