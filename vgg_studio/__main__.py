"""No words: the window; words: the command line."""
def main() -> int:
    return 0
