"""One scenario through the product against SCIM services that nobody here wrote: `make interop`."""
