"""What they get: applications, policies, accounts, and the engine that keeps them right."""
