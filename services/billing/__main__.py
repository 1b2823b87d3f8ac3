"""`python -m services.billing`"""

from servicekit.runtime import run
from services.billing.main import build
from services.billing.settings import Settings

settings = Settings()
run("billing", settings, lambda: build(settings))
