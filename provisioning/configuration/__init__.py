"""Applications, mappings and policies as one YAML text: written, read, compared and applied."""
