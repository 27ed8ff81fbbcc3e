"""The one settings module. Every deployment value comes from `sdg_project.env`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from sdg_project import env
from sdg_project.secret_key import LateKey

if _faults := list(env.faults()):
    raise ImproperlyConfigured("; ".join(_faults))

SDG_HOME = env.home()
SDG_OUTPUT_ROOT = env.output_root()
SDG_TRUSTED_PROXIES = env.trusted_proxies()
SDG_ALLOWED_NETS = env.allowed_networks()
SDG_UPLOAD_MAX_BYTES = env.upload_max_bytes()

DEBUG = False
# Made only when something is signed: looking at records leaves no trace.
SECRET_KEY: Any = env.secret_key() or LateKey(env.home())
ALLOWED_HOSTS = env.allowed_hosts()

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py looks for the apps' admin modules; commands need none
    "django_q",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "sdg_project.apps.GroundConfig",
    "sinks.apps.SinksConfig",
    "pools.apps.PoolsConfig",
    "generators.apps.GeneratorsConfig",
]

MIDDLEWARE = [
    "sdg_project.middleware.RequestLog",
    "sdg_project.middleware.TrustedProxies",
    "sdg_project.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "sdg_project.urls"
WSGI_APPLICATION = "sdg_project.wsgi.application"
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, Any] = {"default": env.database()}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Readers do not wait for the writer, writers wait for each other, and a transaction takes the write lock when it
    # begins: a later upgrade of a read lock could not wait.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Workers. The queue only rings: what is to be done, and by whom, stands in the rows of the shards.

SDG_LEASE_SECONDS = env.lease_seconds()
SDG_MAX_LIVE_RUNS = env.max_live_runs()
Q_CLUSTER: dict[str, Any] = {
    "name": "sdg",
    "label": "Queue",
    "orm": "default",
    "broker_class": "generators.runs.doorbell.Doorbell",
    "workers": env.workers(),
    "queue_limit": env.workers(),
    "bulk": 1,
    "poll": 1.0,
    "guard_cycle": 2,
    "timeout": int(max(SDG_LEASE_SECONDS, 30) * 2) + 1,
    "retry": int(max(SDG_LEASE_SECONDS, 30) * 5) + 2,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "scheduler": False,
    "save_limit": -1,
    "log_level": "WARNING",
}

# Throttles count here. It is one process that serves, so its memory is the right place.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "sdg_project.formats"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# Security.

PASSWORD_RESET_TIMEOUT = 3_600  # of the one-time links to the admin
LOGIN_URL = "/admin/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = env.is_production()
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = env.is_production()
CSRF_FAILURE_VIEW = "sdg_project.problems.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if env.is_production() else 0
# Only set where a trusted proxy said it: `TrustedProxies` removes the header of everybody else.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # whether subdomains have TLS is for the owner of the domain to say
    "security.W008",  # the proxy that ends TLS also redirects; inside, health checks speak plain HTTP
    "security.W021",
]
CORS_ALLOWED_ORIGINS = env.cors_origins()
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key"]
CORS_EXPOSE_HEADERS = ["Link", "Retry-After", "X-Request-Id", "X-Total-Count"]

# The API.

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sdg_project.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["sdg_project.authentication.HasRole"],
    "DEFAULT_THROTTLE_CLASSES": ["sdg_project.throttles.TokenThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["sdg_project.renderers.ExactJson"],
    "DEFAULT_PARSER_CLASSES": ["sdg_project.requests.StrictJson"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sdg_project.problems.problem_of",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Synthetic Data Generator (SDG) API",
    "DESCRIPTION": "Pool-based synthetic data generation for development, testing, and demo environments.",
    "VERSION": "1",
    "OAS_VERSION": "3.0.1",
    "SERVERS": [{"url": "http://127.0.0.1:50032"}],
    "SERVE_PUBLIC": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "displayOperationId": True},
    "POSTPROCESSING_HOOKS": ["sdg_project.openapi.complete_document"],
    "SORT_OPERATIONS": False,
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "sdg_project.logs.LineFormatter"},
        "json": {"()": "sdg_project.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": env.log_format()}},
    "root": {"handlers": ["stderr"], "level": env.log_level()},
    "loggers": {
        # What these say of a request, `RequestLog` says too, in one line.
        "django.request": {"level": "CRITICAL"},
        "django.security": {"level": "ERROR"},
        "django-q": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},  # a request waits for a thread: that is what the queue is for
    },
}
