"""SCIM 2.0 as a client speaks it (RFC 7643, RFC 7644): paths, documents and answers, no HTTP."""
