"""Superset's settings: everything that differs between installations comes from `serve.py` by the environment."""

import os
from pathlib import Path

HOME = Path(os.environ["RINGFENCE_BI_HOME"])

SECRET_KEY = (HOME / "secret").read_text("utf-8").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME}/superset.db?check_same_thread=false"
FEATURE_FLAGS = {"DASHBOARD_RBAC": True, "ALERT_REPORTS": False}
# No result outlives a publication: every look at a dashboard reads the file that `serving/current` points at.
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
SESSION_COOKIE_SECURE = False  # loopback speaks http
LOG_LEVEL = "WARNING"
ROW_LIMIT = 10_000
