"""``python3 contract_check IMAGE`` from any folder."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])
from contract_check.cli import main  # noqa: E402

sys.exit(main())
