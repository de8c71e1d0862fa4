"""The one app of the small project that serves django-scim2."""
