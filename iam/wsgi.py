"""The WSGI entry point for every web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam.settings")

application = get_wsgi_application()
