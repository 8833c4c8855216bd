"""``python -m bouncewise``."""

from bouncewise.cli import main

main()
