"""Prints the Secrets of a trial installation, freshly made: `python -m deploy.helm.trial_secrets | kubectl apply -f -`.

Run it once: the databases keep the passwords of the first time.
"""

import argparse
import secrets
import sys
from collections.abc import Iterable
from typing import Any

import yaml
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SERVICES = ("identity", "scheduling", "timeclock", "pos", "inventory", "billing", "notify")
GATEWAY = "gateway"


def trial_secrets(prefix: str, smtp_url: str) -> list[dict[str, Any]]:
    """Every Secret that values-trial.yaml needs; `prefix` is what the names of the trial's servers start with."""
    owners = {service: secrets.token_urlsafe(24) for service in SERVICES}
    apps = {service: secrets.token_urlsafe(24) for service in SERVICES}
    keys: dict[str, str] = {}
    for issuer in (*SERVICES, GATEWAY):
        keys[f"{issuer}.pem"], keys[f"{issuer}.pub"] = _key_pair()
    own = {service: {"database-url": _url(prefix, service, "app", apps[service])} for service in SERVICES}
    own["identity"] |= {
        "pin-pepper": secrets.token_urlsafe(32),
        "encryption-keys": Fernet.generate_key().decode(),
        "smtp-url": smtp_url,
    }
    own["pos"]["encryption-keys"] = Fernet.generate_key().decode()
    return [
        _secret("mizan-trial-postgresql", {"password": secrets.token_urlsafe(24), "init.sql": _sql(owners, apps)}),
        _secret("mizan-internal-keys", keys),
        _secret("mizan-jwt-keys", {"access.pem": _key_pair()[0]}),
        _secret("mizan-nats", {"url": f"nats://{prefix}-nats:4222"}),
        _secret("mizan-redis", {"url": f"redis://{prefix}-redis:6379/0"}),
        *(_secret(f"mizan-{service}", texts) for service, texts in own.items()),
        *(
            _secret(f"mizan-{service}-owner", {"owner-database-url": _url(prefix, service, "owner", owners[service])})
            for service in SERVICES
        ),
    ]


def _url(prefix: str, service: str, role: str, password: str) -> str:
    return f"postgresql://{service}_{role}:{password}@{prefix}-postgresql:5432/{service}"


def _sql(owners: dict[str, str], apps: dict[str, str]) -> str:
    return "\n".join(line for service in owners for line in _database(service, owners[service], apps[service])) + "\n"


def _database(service: str, owner: str, app: str) -> Iterable[str]:
    yield f"CREATE ROLE {service}_owner LOGIN PASSWORD '{owner}';"
    yield f"CREATE ROLE {service}_app LOGIN NOBYPASSRLS PASSWORD '{app}';"
    yield f"CREATE DATABASE {service} OWNER {service}_owner;"
    yield f"REVOKE ALL ON DATABASE {service} FROM PUBLIC;"
    yield f"GRANT CONNECT ON DATABASE {service} TO {service}_app;"
    yield f"\\connect {service}"
    yield f"ALTER SCHEMA public OWNER TO {service}_owner;"
    yield f"GRANT USAGE ON SCHEMA public TO {service}_app;"
    rights = f"ALTER DEFAULT PRIVILEGES FOR ROLE {service}_owner"
    yield f"{rights} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}_app;"
    yield f"{rights} GRANT USAGE, SELECT ON SEQUENCES TO {service}_app;"


def _key_pair() -> tuple[str, str]:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _secret(name: str, texts: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "stringData": texts}


def main() -> None:
    """Print the Secrets as YAML documents."""
    parser = argparse.ArgumentParser(description="Print the Secrets of a trial installation.")
    parser.add_argument("--prefix", default="mizan", help="the release's prefix of names (default: %(default)s)")
    parser.add_argument("--smtp-url", default="smtp://localhost:1025", help="where mail goes (default: %(default)s)")
    options = parser.parse_args()
    yaml.safe_dump_all(trial_secrets(options.prefix, options.smtp_url), sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
