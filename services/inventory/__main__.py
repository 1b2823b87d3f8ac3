"""`python -m services.inventory`"""

from servicekit.runtime import run
from services.inventory.main import build
from services.inventory.settings import Settings

settings = Settings()
run("inventory", settings, lambda: build(settings))
