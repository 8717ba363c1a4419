"""`python -m app` is the command `fireside`."""

from app.cli.main import run

if __name__ == "__main__":
    run()
