#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tries the lint scripts on small trees: a clean one passes, and each rule complains about the line that breaks it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
HEAD = "/* SPDX-License-Identifier: MIT */\n"


def lint(script, changes):
    """Exit code and output of a script on a clean tree with `changes` (path -> text) made."""
    tree = {
        "src/meson.build": "# SPDX-License-Identifier: MIT\nsubdir('base')\nsubdir('heap')\nsubdir('render')\n",
        "src/heap/heap.c": HEAD + '#include "ha/base/mem.h"\n',
        "include/ha/base/mem.h": HEAD + "#ifndef HA_BASE_MEM_H\n#define HA_BASE_MEM_H\n#endif\n",
        **changes,
    }
    with tempfile.TemporaryDirectory() as name:
        for path, text in tree.items():
            file = pathlib.Path(name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        run = subprocess.run([sys.executable, str(HERE / script), name], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr


class LintTest(unittest.TestCase):
    def passes(self, script, changes):
        code, output = lint(script, changes)
        self.assertEqual((code, output.strip()), (0, ""))

    def complains(self, script, changes, expected):
        code, output = lint(script, changes)
        self.assertEqual(code, 1, output)
        self.assertIn(expected, output)

    def test_layers(self):
        script = "check_layers.py"
        self.passes(script, {})
        self.complains(script, {"src/base/a.c": HEAD + '\n#include "ha/heap/heap.h"\n'}, "src/base/a.c:3: base includes heap")
        self.complains(script, {"include/ha/base/a.h": HEAD + '#include "ha/heap/heap.h"\n'}, "include/ha/base/a.h:2: base includes heap")
        self.complains(script, {"src/heap/a.c": '#include "base/private.h"\n'}, "src/heap/a.c:1:")
        self.complains(script, {"src/heap/a.c": '#include "ha/graph/graph.h"\n'}, "of no folder")
        self.complains(script, {"src/render/a.c": '#include "ha/heap/heap.h"\n'}, "render may not know heap")
        self.complains(script, {"src/heap/a.c": "#include <xxhash.h>\n"}, "src/base/hash.c only")
        self.complains(script, {"src/graph/a.c": HEAD}, "src/graph/a.c:1: graph has no subdir()")
        self.complains(script, {"tests/unit/meson.build": "unit_folders = ['heap', 'base', 'render']\n"}, "unit_folders")

    def test_style(self):
        script = "check_style.py"
        self.passes(script, {})
        self.passes(script, {"src/heap/a.c": HEAD + "/* malloc( in a comment */ const char *s = \"free(\";\n"})
        for text, expected in [
            ("int a;\n", "a.c:1: no SPDX line"),
            (HEAD + "\tint a;\n", "a.c:2: tab"),
            (HEAD + "int a; \n", "a.c:2: trailing blank"),
            (HEAD + "int a;", "a.c:1: the file must end"),
            (HEAD + "int a;\n\n", "the file must end"),
            (HEAD + "// a\u200bb\n", "a.c:2: invisible character U+200B"),
            (HEAD + "int a;\r\n", "a.c:2:"),
            (HEAD + "\n" * 999 + "int a;\n", "1001 lines, the limit is 1000"),
            (HEAD + "\n\nx = strcpy (a, b);\n", "a.c:4: strcpy: banned"),
            (HEAD + "x = malloc(3);\n", "a.c:2: malloc: memory"),
            (HEAD + "free(x);\n", "a.c:2: free: memory"),
            (HEAD + "open(p, O_CREAT);\n", "a.c:2: O_CREAT: files come into being"),
            (HEAD + "printf(x);\n", "a.c:2: printf: only src/cli"),
            (HEAD + "static inline void x_prefetch(int a)\n", "a.c:2: static inline void x_prefetch: what only asks ahead"),
            (b"/* SPDX-License-Identifier: MIT */\n\xff\n", "not UTF-8"),
        ]:
            self.complains(script, {"src/heap/a.c": text}, expected)
        self.complains(script, {"include/ha/heap/a.h": HEAD + "#ifndef A\n#define A\n#endif\n"}, "the guard must be HA_HEAP_A_H")
        code, output = lint(script, {"src/heap/a.c": HEAD + "int a;\n" * 700})
        self.assertEqual(code, 0)
        self.assertIn("warning: 701 lines", output)

    def test_docs(self):
        script = "check_docs.py"
        files = {
            "include/ha/heap/heap_sections.h": "#define A HA_INDEX_ID('F', 'A', 'C', 'T')\n",
            "src/cli/commands.def": 'HA_COMMAND(top, LOOK, "DUMP", "x")\n',
            "src/cli/exit.h": '    X(OK, 0, "x")\n',
            "include/ha/base/diag.h": '    X(GAP, "gap", DAMAGE)\n',
            "docs/index-format.md": "| `FACT` | 96 |\n",
            "docs/hprof-format.md": "| `gap` | damage |\n",
            "docs/hprof-analyze.1": ".B hprof\\-analyze top [OPTION]\n.SH EXIT STATUS\n.TP\n.B 0\n.SH X\n.B 1\n",
            "tests/cli/top/a.sh": "",
            "meson.build": "zlib = dependency('zlib')\n",
            "tests/meson.build": "check = dependency('check', required: true)\n",
            "README.md": "[x](docs/index-format.md#facts) [y](https://example.org/)\napt-get install -y zlib1g-dev check && x\n",
        }
        self.passes(script, files)
        for path, text, expected in [
            ("include/ha/heap/heap_sections.h", "\nHA_INDEX_ID('B', 'A', 'R', 'T')\n", "heap_sections.h:2: section BART"),
            ("src/cli/commands.def", "HA_COMMAND(paths, \n", "commands.def:1: command paths is not in"),
            ("tests/cli/top/a.sh", None, "has no test in tests/cli/top"),
            ("src/cli/exit.h", '    X(OK, 1, "x")\n', "exit code 1"),
            ("include/ha/base/diag.h", '    X(CRC, "crc", DAMAGE)\n', "diag.h:1: code crc"),
            ("include/ha/base/diag.h", "", "diag.h:1: nothing found"),
            ("meson.build", "dependency('libxxhash')\n", "meson.build:1: libxxhash-dev is not installed"),
            ("README.md", "[x](docs/none.md)\n", "README.md:1: link to docs/none.md"),
            ("docs/hprof-analyze.1", None, "hprof-analyze.1:1: is missing"),
        ]:
            changed = {**files, path: text}
            self.complains(script, {p: t for p, t in changed.items() if t is not None}, expected)


unittest.main()
