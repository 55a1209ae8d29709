"""Entry of the `scm-api` command and of `python -m scm_api`."""

from scm_api.cli import app


def main() -> None:
    """Run the command line; what went wrong is said in a sentence, with exit status 1 or 2."""
    app(prog_name="scm-api")


if __name__ == "__main__":
    main()
