"""Who: people, groups and the operators who sign in; also the Django project."""
