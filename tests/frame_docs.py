"""The tables of ``docs/frames.md``, made from the columns that are declared.

python -m tests.frame_docs      # writes them anew
"""

import re

from analysis.dictionary import FRAMES, Frame
from tests.plans import HOME

PAGE = HOME / "docs" / "frames.md"


def page(text: str) -> str:
    """The page with every table made anew; what stands between tables is left as it is."""
    for frame in FRAMES:
        begin, end = f"<!-- {frame.name} -->\n", f"<!-- end of {frame.name} -->"
        if begin not in text or end not in text:
            text += f"\n## {frame.name}\n\n{begin}{end}\n"
        text = re.sub(
            f"{re.escape(begin)}.*{re.escape(end)}",
            lambda _, frame=frame, begin=begin, end=end: f"{begin}{_table(frame)}{end}",
            text,
            flags=re.DOTALL,
        )
    return text


def _table(frame: Frame) -> str:
    """What a row is, what names it, and a line for each column."""
    keys = ", ".join(f"`{key}`" for key in frame.keys)
    lines = [
        f"`analysis.{frame.load.__name__}`: one row is {frame.row}. It is named by {keys}.",
        "",
        "| column | dtype | unit | meaning |",
        "|---|---|---|---|",
    ]
    for column in frame.columns:
        meaning = column.meaning.replace("|", r"\|")
        lines.append(f"| `{column.name}` | {column.dtype} | {column.unit} | {meaning} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
