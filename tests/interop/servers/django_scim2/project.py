"""A SCIM service made of django-scim2, on an empty database: project.py PORT TOKEN FOLDER."""

import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def configure(port: str, token: str, folder: str) -> None:
    settings.configure(
        # Guards nothing: a server on loopback, for one run.
        SECRET_KEY="interop",
        TOKEN=token,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="accounts.web",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "accounts"],
        AUTH_USER_MODEL="accounts.Person",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIDDLEWARE=["accounts.web.bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(Path(folder) / "accounts.sqlite3"),
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
            }
        },
        SCIM_SERVICE_PROVIDER={
            "NETLOC": f"127.0.0.1:{port}",
            "SCHEME": "http",
            "GROUP_MODEL": "accounts.models.Team",
            "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "Token"}],
        },
        LOGGING_CONFIG=None,
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


def main(port: str, token: str, folder: str) -> None:
    configure(port, token, folder)
    with make_server("127.0.0.1", int(port), get_wsgi_application(), Server, Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
