"""All settings, read from the environment in this one place; safe for one machine as they are.

docs/guides/settings.md lists every variable. A file `.env` beside manage.py is read as well.
"""

from pathlib import Path

from environ import Env

from iam import datafolder, theme, variables

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()
Env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env.str("GATEHOUSE_DATA_DIR", default=str(BASE_DIR / "data"))).resolve()
DEBUG = variables.whether(env, "GATEHOUSE_DEBUG")
SECRET_KEY = env.str("GATEHOUSE_SECRET_KEY", default="") or datafolder.secret_key(DATA_DIR)
# The first key encrypts, every key decrypts: put a new one in front to change it.
ENCRYPTION_KEYS = variables.keys(env, "GATEHOUSE_ENCRYPTION_KEYS") or [
    datafolder.encryption_key(DATA_DIR)
]

# Where the portal is reached.
ALLOWED_HOSTS = env.list("GATEHOUSE_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("GATEHOUSE_TRUSTED_ORIGINS", default=[])
HTTPS = variables.whether(env, "GATEHOUSE_HTTPS")
# A probe comes to the portal itself, not through the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# Unfold's bundled Alpine evaluates expressions and its pages style elements in place. Scripts
# written into a page stay forbidden, which is what stops an injected one.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "frame-ancestors": ["'none'"],
}

INSTALLED_APPS = [
    "reports",
    "provisioning",
    "iam",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "iam.middleware.no_body_for_head",
    "iam.middleware.content_security_policy",
    "iam.middleware.known_methods",
    # Before whatever may ask the database for a session.
    "reports.health.answered_first",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "iam.middleware.remember_actor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "iam.middleware.temporary_password",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "iam.urls"
WSGI_APPLICATION = "iam.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": variables.database(
        env, "GATEHOUSE_DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'gatehouse.sqlite3'}"
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets the pages be read while the worker writes. IMMEDIATE takes the write lock at the
    # start of a transaction, where waiting is possible, not in its middle, where it is an error.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Otherwise a server that does not answer at all is waited for for minutes. To compile a query
    # for the processor takes ten times as long here as to run it. That a row elsewhere costs four
    # times as much as the next one was true of disks that turn (docs/decisions/0024).
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "options": "-c jit=off -c random_page_cost=1.1",
        **DATABASES["default"].get("OPTIONS", {}),
    }

# Redis or RabbitMQ, if Celery is to do the work: docs/guides/scaling.md. None is needed.
BROKER_URL = env.str("GATEHOUSE_BROKER_URL", default="")

AUTH_USER_MODEL = "iam.Operator"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "iam.roles.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en"
TIME_ZONE = variables.zone(env, "GATEHOUSE_TIME_ZONE", default="UTC")
USE_TZ = True
FORMAT_MODULE_PATH = ["iam.formats"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"about": {"()": "provisioning.correlation.AddAbout"}},
    "formatters": {"line": {"()": "iam.logs.Line"}, "json": {"()": "iam.logs.Json"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["about"],
            "formatter": variables.one_of(env, "GATEHOUSE_LOG_FORMAT", "line", "json"),
        }
    },
    "root": {
        "handlers": ["console"],
        "level": variables.one_of(env, "GATEHOUSE_LOG_LEVEL", "WARNING", "DEBUG", "INFO", "ERROR"),
    },
}
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "provisioning.api.describing.Described",
    # A parameter of the address that means nothing here, so that it is refused like any other.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gatehouse",
    "DESCRIPTION": "Keeps people, groups and applications. What is changed here follows by itself "
    "in every application.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # What is sent differs from what is shown: secrets, and what cannot be changed.
    "COMPONENT_SPLIT_REQUEST": True,
    # Events are described twice, with their evidence and without, and by the same words.
    "ENUM_NAME_OVERRIDES": {
        "EventOperationEnum": "provisioning.models.accounts.EVENT_OPERATIONS",
        "EventOutcomeEnum": "provisioning.models.Outcome",
        # Fields of one name with other choices need a name each.
        "DeliveryStateEnum": "provisioning.models.DeliveryState",
        "StateEnum": "provisioning.models.STATES",
    },
}
# How many requests to the API one token, or one operator, may make in a minute, in each process.
API_REQUESTS_PER_MINUTE = variables.number(env, "GATEHOUSE_API_REQUESTS_PER_MINUTE", default=600)
# Lets a program read /metrics without signing in.
METRICS_TOKEN = env.str("GATEHOUSE_METRICS_TOKEN", default="")

UNFOLD = {
    "SITE_TITLE": "Gatehouse",
    "SITE_HEADER": "Gatehouse",
    "SITE_SUBHEADER": "Accounts, right everywhere",
    "SITE_SYMBOL": "door_open",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "iam.theme.icon"}],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "DASHBOARD_CALLBACK": "reports.overview.dashboard",
    "STYLES": ["iam.theme.stylesheet"],
    "COLORS": theme.COLOURS,
    "SIDEBAR": {"show_search": False, "navigation": "iam.theme.navigation"},
}
