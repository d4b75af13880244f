"""The composition root: the only package that knows every class. Starts in order, stops in reverse."""

from manualdial.app.adapters import engine_for, policies_for, registries_for, store_for, tenants_for
from manualdial.app.service import Service, serving

__all__ = ["Service", "engine_for", "policies_for", "registries_for", "serving", "store_for", "tenants_for"]
