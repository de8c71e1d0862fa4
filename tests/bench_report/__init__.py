"""What a search of the provisioning report costs beside the bare SQL, with millions of events."""
