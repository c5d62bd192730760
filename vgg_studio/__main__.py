"""No words: the window; words: the command line. The only module that knows both, and it loads neither before it must."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from vgg_studio import __version__
from vgg_studio.cli.words import Words, sort_out


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words ask for. Returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by the user."""
    words = sort_out(sys.argv[1:] if argv is None else argv)
    if words.debug:
        os.environ["VGG_STUDIO_DEBUG"] = "1"  # engines say where their errors come from
    try:
        if words.version:
            return _version()
        if words.engine_role:
            from vgg_studio.engine.serve import serve

            return serve(words.engine_role)
        return _window(words) if words.for_window else _command_line(words)
    except KeyboardInterrupt:
        return 130


def _version() -> int:
    try:
        sys.stdout.write(f"vgg-studio {__version__}\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        from vgg_studio.cli.failing import fail

        return fail(error, Words())
    return 0


def _window(words: Words) -> int:
    from vgg_studio.launch import open_window

    try:
        if words.language:
            from vgg_studio.cli.failing import check_language

            check_language(words)
            os.environ["VGG_STUDIO_LANGUAGE"] = words.language  # before the settings' own choice, in engines too
        return open_window(words.rest[0] if words.rest else "")
    except Exception as error:  # noqa: BLE001 - the one place above which there is only a traceback
        from vgg_studio.cli.failing import choose_language, fail

        choose_language(words)
        return fail(error, words)


def _command_line(words: Words) -> int:
    from vgg_studio.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
