"""The demonstration: the Zoom guide carried out against an independent SCIM server."""
