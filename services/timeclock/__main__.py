"""`python -m services.timeclock`"""

from servicekit.runtime import run
from services.timeclock.main import build
from services.timeclock.settings import Settings

settings = Settings()
run("timeclock", settings, lambda: build(settings))
