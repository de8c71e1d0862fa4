"""Vendors' SCIM services, emulated from their documentation, that hold a client to their rules."""
