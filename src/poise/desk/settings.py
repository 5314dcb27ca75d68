"""Django's settings, from the workspace and a few variables; docs/desk.md lists them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url

from poise.desk import workspace

HERE = Path(__file__).parent
POISE_HOME = workspace.home()
POISE_CLOCK_AHEAD = workspace.clock_ahead(POISE_HOME)
SECRET_KEY = workspace.secret_key(POISE_HOME)
DEBUG = False
ALLOWED_HOSTS = workspace.hosts()
#: Set behind a proxy that ends https and passes X-Forwarded-Proto on.
IS_HTTPS = workspace.is_set("POISE_HTTPS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "poise.desk",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "poise.desk.middleware.content_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "poise.desk.middleware.reader_zone",
    "poise.desk.middleware.Faults",
]

ROOT_URLCONF = "poise.desk.urls"
WSGI_APPLICATION = "poise.desk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "poise.desk.context.frame",
            ],
            "builtins": ["poise.desk.templatetags.desk", "django_htmx.templatetags.django_htmx"],
        },
    }
]

DATABASES = {
    # A connection is looked at before a request uses it: the database may have been restarted since.
    "default": dj_database_url.parse(
        workspace.database_url(POISE_HOME), conn_max_age=600, conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue for the one lock instead of failing when a read turns into a write; what is acknowledged
    # is on disk.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    # A file that was named elsewhere is its owner's to guard.
    if (_file := Path(DATABASES["default"]["NAME"])).parent == POISE_HOME:
        workspace.keep_private(_file)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "desk.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    # NIST SP 800-63B-4, 3.1.1.2: length and a list of known ones, no rules of composition.
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "poise.desk.signin.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "poise.desk.signin.SocialAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
#: Signing and managing keys asks for the password again after this long [s].
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/300s/key"}
#: Limits by address count people, not the proxy that stands before the desk.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if IS_HTTPS else 0
#: What the ledger calls the desk and the sides: no name for somebody whom the provider sends.
ACCOUNT_USERNAME_BLACKLIST = ["desk", "operations", "security"]
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Poise"
SOCIALACCOUNT_LOGIN_ON_GET = False
OIDC = workspace.provider()
SOCIALACCOUNT_PROVIDERS = (
    {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "company",
                    "name": OIDC.name,
                    "client_id": OIDC.client_id,
                    "secret": OIDC.secret,
                    "settings": {"server_url": OIDC.issuer, "oauth_pkce_enabled": True},
                }
            ]
        }
    }
    if OIDC
    else {}
)

#: The rate limits of sign-in count in the database, so that all processes count together.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "desk_cache"}}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "poise_session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "poise.desk.pages.faults.stale"
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if IS_HTTPS and not host.startswith("[")]
X_FRAME_OPTIONS = "DENY"
#: Where a form may lead: to the desk, and to where people sign in.
FORM_TARGETS = [f"{part.scheme}://{part.netloc}" for part in [urlsplit(OIDC.issuer)]] if OIDC else []

LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATIC_ROOT = POISE_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
#: An upload larger than this is streamed to a file at once [B]; its size is bounded by poise.scans.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
FILE_UPLOAD_TEMP_DIR = workspace.uploads(POISE_HOME)
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 << 20

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "poise.desk.logs.Line"}},
    "filters": {"not_while_away": {"()": "poise.desk.logs.NotWhileAway"}},
    # Warnings are also of what people were refused, such as an address that leads nowhere.
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "level": workspace.log_level(),
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Its warnings are about being stopped, such as how to press Ctrl-C again.
    "loggers": {
        "django_tasks_db": {"level": "ERROR"},
        "django.request": {"filters": ["not_while_away"]},
    },
}
#: W004, W008, W012 and W016 are about plain http on one machine, W005 and W021 about other hosts of a domain,
#: which are not for the desk to decide.
SILENCED_SYSTEM_CHECKS = [f"security.W{number}" for number in ("004", "005", "008", "012", "016", "021")]
