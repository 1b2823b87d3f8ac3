"""The optimizer's library stays out of the service's process."""

import subprocess
import sys


def test_the_service_does_not_load_the_solver() -> None:
    program = (
        "import sys, services.scheduling.main; print([name for name in sys.modules if name.startswith('ortools')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
