"""Writes the secrets of a compose installation, freshly made: `python -m deploy.compose.environment FILE`.

A file that exists is left alone: the databases keep the passwords of the first time.
"""

import argparse
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from tools.services import ORDER
from tools.stack.databases import Databases
from tools.stack.processes import write_secret


def environment() -> dict[str, str]:
    """Every variable that compose.yaml asks for without a default."""
    password, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    admin = f"postgresql://postgres:{password}@postgres:5432/postgres"
    databases = Databases(admin, secret)
    made = {
        "COMPOSE_PROJECT_NAME": "mizan",
        "POSTGRES_PASSWORD": password,
        "DATABASES_SECRET": secret,
        "ADMIN_DATABASE_URL": admin,
        "IDENTITY_PIN_PEPPER": secrets.token_urlsafe(32),
        "IDENTITY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "POS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_urlsafe(24)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_urlsafe(24)}",
        "POS_STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_urlsafe(24)}",
    }
    for name in ORDER:
        made[f"{name.upper()}_DATABASE_URL"] = databases.dsn(f"{name}_app", name)
        made[f"{name.upper()}_OWNER_DATABASE_URL"] = databases.dsn(f"{name}_owner", name)
    return made


def main() -> None:
    """Write the file unless it is there."""
    parser = argparse.ArgumentParser(description="Write the secrets of a compose installation.")
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    if not file.exists():
        write_secret(file, "".join(f"{name}={text}\n" for name, text in environment().items()))


if __name__ == "__main__":
    main()
