"""What happened: the provisioning report."""
