"""`python -m tools.stack FOLDER SOCKET`: a stack for tests that ends with its last user."""

import sys
from pathlib import Path

from tools.stack.share import main

main(Path(sys.argv[1]), Path(sys.argv[2]))
