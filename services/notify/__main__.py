"""`python -m services.notify`"""

from servicekit.runtime import run
from services.notify.main import build
from services.notify.settings import Settings

settings = Settings()
run("notify", settings, lambda: build(settings))
