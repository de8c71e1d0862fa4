"""The product's settings, with a database and keys that last for one test run."""

import os
import tempfile

os.environ.setdefault("GATEHOUSE_DATA_DIR", tempfile.mkdtemp(prefix="gatehouse-tests-"))

# `make test` runs the tests that need a database a second time, on this server.
POSTGRESQL = os.environ.get(
    "GATEHOUSE_TEST_POSTGRESQL", "postgres://postgres@127.0.0.1:5432/postgres"
)
ON_POSTGRESQL = os.environ.get("GATEHOUSE_TEST_ON") == "postgresql"
if ON_POSTGRESQL:
    os.environ["GATEHOUSE_DATABASE_URL"] = POSTGRESQL

from iam.settings import *  # noqa: E402, F403

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Static files are collected by `make run` and `make demo`, and a first `make test` comes before.
STATIC_ROOT = DATA_DIR / "static"  # noqa: F405
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
# A million rounds for every sign-in would be most of the run.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# One process asks for every test, often as the caller with the first key: what another test asked
# in the same minute does not count.
API_REQUESTS_PER_MINUTE = 1_000_000
