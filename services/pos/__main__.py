"""`python -m services.pos`"""

from servicekit.runtime import run
from services.pos.main import build
from services.pos.settings import Settings

settings = Settings()
run("pos", settings, lambda: build(settings))
