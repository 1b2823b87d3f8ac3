"""The administration site at the gateway: a member of the platform's staff, made by the command, logs in and looks."""

import os
import subprocess
import sys
from uuid import uuid4

import pytest

from tests.support import browser
from tools.installation import Site
from tools.services import ROOT

pytestmark = pytest.mark.e2e

PASSWORD = "Str0ng!pass"


def test_the_commands_superuser_enters_through_the_gateway(installation: Site) -> None:
    email = f"root-{uuid4().hex[:8]}@example.com"
    subprocess.run(
        [sys.executable, "-m", "tools.cli", "create-superuser", "--email", email, "--password-stdin"],
        cwd=ROOT,
        env={**os.environ, **installation.environment},
        input=PASSWORD.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    with browser.client(installation.url) as visitor:
        asked = visitor.get("/admin/", follow_redirects=True)
        assert asked.url.path == "/admin/login"
        assert "form-action 'self'" in asked.headers["content-security-policy"]

        entered = visitor.post("/admin/login", data={"username": email, "password": PASSWORD}, follow_redirects=True)
        assert entered.status_code == 200
        assert entered.url.path == "/admin/"
        assert visitor.get("/admin/statics/css/main.css").status_code == 200

        trail = visitor.get("/admin/audit-entry/list")
        assert trail.status_code == 200
        assert "Audit trail" in trail.text
