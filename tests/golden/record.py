"""Write the replies that cases get now into their files: ``python -m tests.golden.record [name …]``.

Look at what has changed before committing it: is each reply right, and kind?
"""

import sys

from tests.golden import cases


def main(names: list[str]) -> None:
    for path in cases.files():
        if not names or path.stem in names:
            path.write_text("----\n".join(case.answered().render() for case in cases.read(path)))


if __name__ == "__main__":
    main(sys.argv[1:])
