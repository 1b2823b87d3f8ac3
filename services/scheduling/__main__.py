"""`python -m services.scheduling`"""

from servicekit.runtime import run
from services.scheduling.main import build
from services.scheduling.settings import Settings

settings = Settings()
run("scheduling", settings, lambda: build(settings))
