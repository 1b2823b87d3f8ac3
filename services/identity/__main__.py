"""`python -m services.identity`"""

from servicekit.runtime import run
from services.identity.main import build
from services.identity.settings import Settings

settings = Settings()
run("identity", settings, lambda: build(settings))
