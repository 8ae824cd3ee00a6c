"""Tables as LaTeX with booktabs: a document that compiles, whose tables can be taken out one by one."""

import re
from collections.abc import Sequence
from itertools import groupby

from evaluation.benchmark.table import Cell, Line, Section, Table

MOST_COLUMNS = 8
PREAMBLE = r"""% Written by benchmark.py. Compiles as it is; single tables need \usepackage{booktabs,graphicx}.
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
"""
SIGNS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "—": "---",
    "–": "--",
    "°": r"\textdegree{}",
    "\u00a0": "~",
    "[": "{[}",  # bare, it would be an option of the line break before it, and so would the asterisk
    "]": "{]}",
    "*": "{*}",
}


def to_latex(tables: Sequence[Table]) -> str:
    """All tables as one document; wide ones are split, each piece with the footnotes that it needs."""
    pieces = [_table(piece) for table in tables for piece in table.split(MOST_COLUMNS)]
    return "\n".join([PREAMBLE, *pieces, r"\end{document}", ""])


def escape(text: str) -> str:
    """Text that LaTeX prints as it is. Signs that its usual fonts do not have become their code, as in U+8A9E."""
    return "".join(_sign(sign) for sign in re.sub(r"\s", " ", text))


def _sign(sign: str) -> str:
    if sign in SIGNS:
        return SIGNS[sign]
    if (sign.isascii() and sign.isprintable()) or (sign.isalpha() and "\u00c0" <= sign <= "\u00ff"):
        return sign
    return f"U+{ord(sign):04X}"


def _table(table: Table) -> str:
    notes = [f"\\textsuperscript{{{number}}}~{escape(text)}" for number, text in table.used]
    below = " \\\\\n".join([*map(escape, table.remarks), *notes])
    rules = [_groups(table), _heading(table), r"\midrule"]
    for number, section in enumerate(table.sections):
        rules += ([r"\midrule"] if number else []) + _section(section, len(table.columns))
    captions = " ".join(escape(text) for _, text in table.captions)
    return "\n".join(
        [
            f"% ---- {table.name}",
            r"\begin{table}[!htbp]",
            r"\centering\small",
            f"\\caption{{{escape(table.title)}. {captions}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            *filter(None, rules),
            r"\bottomrule",
            r"\end{tabular}}",
            r"\par\smallskip",
            f"\\begin{{minipage}}{{\\linewidth}}\\footnotesize\\raggedright\n{below}\n\\end{{minipage}}",
            r"\end{table}",
            "",
        ]
    )


def _groups(table: Table) -> str:
    """The headings of a table's parts over their columns, with a rule below each; nothing where there is one part."""
    widths = [(name, len(list(columns))) for name, columns in groupby(table.columns, lambda column: column.group)]
    if len(widths) < 2:
        return ""
    cells, rules, first = [], [], 2
    for name, width in widths:
        cells.append(f"\\multicolumn{{{width}}}{{c}}{{{escape(name)}}}")
        rules.append(f"\\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    return f"& {' & '.join(cells)} \\\\\n{' '.join(rules)}"


def _heading(table: Table) -> str:
    return " & ".join(["Method", *(escape(column.heading) + _sup(column.notes) for column in table.columns)]) + r" \\"


def _section(section: Section, width: int) -> list[str]:
    title = f"\\emph{{{escape(section.title)}}}{_sup(section.notes)}"
    head = [f"\\multicolumn{{{width + 1}}}{{l}}{{{title}}} \\\\"] if section.title else []
    return head + [_line(line) for line in section.lines]


def _line(line: Line) -> str:
    return " & ".join([escape(line.name) + _sup(line.notes), *map(_cell, line.cells)]) + r" \\"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    text = {"best": f"\\textbf{{{text}}}", "second": f"\\underline{{{text}}}", "": text}[cell.mark]
    return text + (f"{{\\scriptsize$\\pm${cell.spread}}}" if cell.spread else "") + _sup(cell.notes)


def _sup(notes: Sequence[int]) -> str:
    return f"\\textsuperscript{{{','.join(map(str, notes))}}}" if notes else ""
