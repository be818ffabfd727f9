"""`python -m foolsgold` is the command `foolsgold`."""

from foolsgold.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
