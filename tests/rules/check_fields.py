#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every class and field that the built-in rules and the collectors read exists in a real library.

usage: check_fields.py SOURCE [RULES-FOLDER] [--jars] [--write]

known_fields.tsv says what is known: one row per class and field of a class file or a source that was read. Its columns:

    class   kind             field   descriptor, or the superclass of a class   where
    kinds:  class, field, static, and 'holds': a field declared with an interface or Object, and a class that really stands in it

The places: 'jar NAME-VERSION' of Debian, 'jdk VERSION', 'source REPOSITORY PATH@COMMIT' of a source on GitHub.

Without --jars the rules' expressions are followed through that table: each class must be in it, each name of a field must be found in the
class it is read from, what size() is asked of must have a size. Class and field names in the C sources must be in it, too.
With --jars the rows whose place is a jar of /usr/share/java or a JDK of /usr/lib/jvm are compared with these; those not installed are told, and
exit code 77 (skipped) if none is. --write adds what the jars and JDKs confirm to the table.
"""
import pathlib
import re
import sys

from class_files import Class, World

try:
    import yaml
except ImportError:
    yaml = None

SKIPPED = 77
HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE / "known_fields.tsv"
HEAD = "# SPDX-License-Identifier: MIT\n# Written and explained by check_fields.py: class, kind, field, descriptor or superclass, where it was read\n"
OBJECT = "java.lang.Object"

COLLECTORS = {
    "thread_locals": ("java.lang.ThreadLocal$ThreadLocalMap$Entry", {"thread": ["java.lang.Thread"], "key": ["java.lang.ThreadLocal"],
                                                                    "value": ["java.util.HashMap", "java.lang.Object[]"], "inherited": []}),
    "classes": ("java.lang.Class", {"name": [], "loader": ["java.lang.ClassLoader"], "instances": [], "copies": []}),
    "loader_jars": ("java.util.zip.ZipFile$Source", {"loader": ["java.lang.ClassLoader"]}),
    "loaders": ("java.lang.ClassLoader", {"classes": [], "instances": [], "lifecycle": [], "stopped": [], "duplicates": []}),
}
LOADERS = ("java.net.URLClassLoader", "org.apache.catalina.loader.WebappClassLoaderBase", "org.eclipse.jetty.webapp.WebAppClassLoader",
           "org.jboss.modules.ModuleClassLoader")
BUILTINS = {"count", "shallow", "retained", "native", "heap", "group", "out_of_memory", "held", "cause", "cause_advice", "strong", "true", "false", "null"}
SIZE_FIELDS = {"baseCount", "size", "count", "elementCount", "producerIndex", "array", "head", "tail"}
WRAPPED = ("map", "m", "c", "list", "al", "delegate", "q", "deque", "queue")
TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?(?:%|[A-Za-z]+)?)|([A-Za-z_$][\w$]*)|'([^']*)'|(==|!=|<=|>=|\?\?|[-<>+*/().,|]))")
C_FILES = ("src/rules/*.c", "src/query/q_*.c")
C_CLASS = re.compile(r'"((?:java|javax|jdk|sun|com\.sun|com|org|io)\.(?:[a-z]\w*\.)*[A-Z][\w$]*)"')
C_READ = re.compile(r'\b(?:read_long|read_object|read_value|has_field|ha_heap_read_long|ha_heap_read_reference|ha_heap_static_find|'
                    r'ha_object_field_text|static_long|static_atomic|static_object|text_of|map_rows|read_thread_field|field|reference|life_cycle)'
                    r'\((?:[^"();]|\([^()]*\))*"([^"]+)"(?:, "([^"]*)")?')
NO_CLASSES = {"sun.nio.MaxDirectMemorySize", "jdk.internal.reflect.Generated", "sun.reflect.Generated"}  # a property, beginnings of names
C_ARRAY = re.compile(r'const char \*const (wrapped|fields|arrays|chains|way)\[\] = \{([^}]*)\}')


def descriptor_class(descriptor):
    """'[Ljava/lang/String;' -> 'java.lang.String[]', 'J' -> None"""
    dims = len(descriptor) - len(descriptor.lstrip("["))
    base = descriptor[dims:]
    if base.startswith("L"):
        return base[1:-1].replace("/", ".") + "[]" * dims
    return "byte[]" if dims else None


# ---- the table ----

class Table:
    def __init__(self, path):
        self.rows = []
        self.classes = {}
        self.holds = {}
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if line.startswith("#") or not line.strip():
                continue
            row = line.split("\t")
            if len(row) != 5 or row[1] not in ("class", "field", "static", "holds") or not row[4]:
                raise SystemExit(f"{path}:{number}: five columns: class, kind, field, descriptor, where")
            self.add(tuple(row))

    def add(self, row):
        name, kind, field, what, where = row
        if row in self.rows:
            return
        self.rows.append(row)
        cls = self.classes.setdefault(name, Class(name))
        if kind == "class":
            cls.where.add(where)
            if what != "-":
                cls.parents.add(what)
        elif kind == "holds":
            self.holds.setdefault((name, field), []).append(what)
        else:
            cls.add(field, kind == "static", what, where)

    def find(self, name):
        return self.classes.get(name)

    def write(self, path):
        order = {"class": 0, "field": 1, "static": 1, "holds": 2}
        rows = sorted(set(self.rows), key=lambda r: (r[0], order[r[1]], r[2], r[4], r[3]))
        path.write_text(HEAD + "".join("\t".join(r) + "\n" for r in rows))


def lineage(source, name, seen=None):
    seen = [] if seen is None else seen
    cls = source.find(name)
    if cls is not None and cls not in seen:
        seen.append(cls)
        for parent in sorted(cls.parents):
            lineage(source, parent, seen)
    return seen


# ---- following expressions ----

class Checker:
    """What expressions read. A class is a name; the classes an expression may give are a list of names; None stands for a number or a text."""

    def __init__(self, table, world=None):
        self.table, self.world = table, world
        self.problems, self.pairs = [], set()
        self.place = ""
        self.dead = {}  # names of fields not found in a class; a problem unless found in another class of the rule
        self.alive = set()

    def complain(self, text):
        line = f"{self.place}: {text}"
        if line not in self.problems:
            self.problems.append(line)

    def known(self, name):
        """Whether the class is in the table; with --write it is fetched from the jars first."""
        if self.world is not None:
            cls = self.world.find(name)
            for found in lineage(self.world, name) if cls else []:
                for where in sorted(found.where):
                    self.table.add((found.name, "class", "-", sorted(found.parents)[0] if found.parents else "-", where))
        return self.table.find(name) is not None

    def need_class(self, name):
        if name.endswith((".", "*")):
            return
        if not self.known(name):
            self.complain(f"class {name} is not known")
        self.pairs.add((name, "-"))

    def field(self, name, field, static=False):
        """(found, classes it may refer to)."""
        declared = None
        if "#" in field:
            declared, field = field.split("#")
        if name.endswith("[]"):
            return False, []
        self.known(name)
        if self.world is not None:
            for cls in lineage(self.world, name):
                for (is_static, descriptor), wheres in cls.fields.get(field, {}).items():
                    for where in wheres:
                        self.table.add((cls.name, "static" if is_static else "field", field, descriptor, where))
        for cls in lineage(self.table, name):
            forms = [d for s, d in cls.fields.get(field, {}) if s == static]
            if forms and declared in (None, cls.name):
                self.pairs.add((cls.name, field))
                refers = [descriptor_class(d) for d in forms]
                held = self.table.holds.get((cls.name, field), [])
                return True, sorted({h for h in held} | {r for r in refers if r and r not in (OBJECT,)})
        return False, []

    def read(self, classes, names, where):
        """Reads names[0]|names[1]… of objects of these classes."""
        result, any_found = [], False
        for name in names:
            for cls in classes:
                found, refers = self.field(cls, name)
                if found:
                    any_found = True
                    self.alive.add((where, name))
                    result += refers
                    self.dead.pop((where, name), None)
            if (where, name) not in self.alive:
                self.dead[(where, name)] = " or ".join(classes) or "an object of unknown class"
        return any_found, sorted(set(result))

    def sized(self, cls, depth=0):
        if cls.endswith("[]"):
            return True
        self.known(cls)
        for name in sorted(SIZE_FIELDS):
            if self.field(cls, name)[0]:
                return True
        return depth < 8 and any(self.sized(inner, depth + 1) for name in WRAPPED for inner in self.field(cls, name)[1])


class Expression:
    """The grammar of rules (docs/rules.md), followed with classes for values."""

    def __init__(self, checker, text, scope, where):
        self.c, self.text, self.scope, self.where = checker, str(text), scope, where
        self.tokens, at = [], 0
        while at < len(self.text.rstrip()):
            found = TOKEN.match(self.text, at)
            if not found:
                raise SystemExit(f"{where}: cannot read '{self.text[at:]}'")
            kind = "number name text sign".split()[[i for i in range(4) if found.group(i + 1) is not None][0]]
            self.tokens.append((kind, found.group(found.lastindex)))
            at = found.end()
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, sign=None):
        token = self.peek()
        if sign is not None and token[1] != sign:
            raise SystemExit(f"{self.where}: '{sign}' expected in '{self.text}', not '{token[1]}'")
        self.at += 1
        return token

    def run(self):
        result = self.binary(0)
        if self.peek()[0] != "end":
            raise SystemExit(f"{self.where}: '{self.peek()[1]}' not understood in '{self.text}'")
        return result

    LEVELS = (("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"), ("??",))

    def binary(self, level):
        """(found, classes)"""
        if level == len(self.LEVELS):
            return self.unary()
        if level == 2 and self.peek() == ("name", "not"):
            self.take()
            return self.binary(2)
        found, classes = self.binary(level + 1)
        while self.peek()[1] in self.LEVELS[level] and self.peek()[0] != "text":
            sign = self.take()[1]
            if self.peek() == ("name", "not"):
                self.take()
            other_found, other = self.binary(level + 1)
            if sign == "??":
                found, classes = found or other_found, classes + other
            else:
                found, classes = found and other_found, []
        return found, classes

    def unary(self):
        if self.peek()[1] == "-" and self.peek()[0] == "sign":
            self.take()
        kind, text = self.take()
        if kind in ("number", "text"):
            return True, []
        if text == "(":
            found, classes = self.binary(0)
            self.take(")")
        elif kind == "name" and self.peek() == ("sign", "("):
            found, classes = self.call(text)
        elif kind == "name":
            found, classes = self.name(text)
        else:
            raise SystemExit(f"{self.where}: '{text}' not understood in '{self.text}'")
        while self.peek() == ("sign", "."):
            self.take()
            found_here, classes = self.c.read(classes, self.names(self.take()[1]), self.where)
            found = found and found_here
        return found, classes

    def names(self, first):
        names = [first]
        while self.peek() == ("sign", "|"):
            self.take()
            names.append(self.take()[1])
        return names

    def name(self, first):
        names = self.names(first)
        if len(names) == 1 and first in self.scope["values"]:
            return True, self.scope["values"][first]
        if first == "this":
            return True, self.scope["this"]
        if len(names) == 1 and (first in BUILTINS or not self.scope["row"]) and first not in self.scope["fields_first"]:
            return True, []
        return self.c.read(self.scope["this"], names, self.where)

    def call(self, function):
        self.take("(")
        arguments, texts = [], []
        outer = self.scope
        if function in ("sum", "min", "max", "count_if", "distinct", "sum_once", "at_max"):
            self.scope = outer["rows"]
        while self.peek() != ("sign", ")"):
            texts.append(self.peek()[1] if self.peek()[0] == "text" else None)
            arguments.append(self.binary(0))
            if self.peek() == ("sign", ","):
                self.take()
        self.take(")")
        self.scope = outer
        found = all(a[0] for a in arguments) or function == "has"
        classes = arguments[0][1] if arguments else []
        if function == "static":
            self.c.need_class(texts[0])
            found, refers = self.c.field(texts[0], texts[1], static=True)
            if not found:
                self.c.complain(f"static field {texts[0]}#{texts[1]} is not known")
            return True, refers
        if function in ("is_a", "referred_by"):
            if not texts[1].endswith("[]"):
                self.c.need_class(texts[1])
            return found, []
        if function == "counter":
            for cls in classes:
                if not self.c.field(cls, "value")[0] and not self.c.field(cls, "base")[0]:
                    self.c.complain(f"{self.where}: {cls} has neither value nor base")
            return found, []
        if function == "size":
            if found and not any(self.c.sized(cls) for cls in classes):
                self.c.complain(f"{self.where}: size() of {' or '.join(classes) or 'an unknown class'} in '{self.text}'")
            return found, []
        if function in ("links", "chain"):
            self.c.read(classes, [texts[1]], self.where)
            return found, classes if function == "links" else []
        if function in ("elements", "keys", "values", "first_of", "element"):
            result = []
            for cls in classes:
                result += [cls[:-2]] if cls.endswith("[]") else self.inner(cls)
            return found, sorted({r for r in result if r != OBJECT})
        if function == "if":
            return found, arguments[1][1] + arguments[2][1]
        return found, classes if function in ("at_max", "least", "most") else []

    def inner(self, cls):
        """The elements of a collection: what the table says stands in the fields that hold them."""
        result = []
        for cls_up in lineage(self.c.table, cls):
            for field in ("elementData", "queue", "items", "array", "elements", "item", "table"):
                result += self.c.table.holds.get((cls_up.name, field), [])
                for _, descriptor in cls_up.fields.get(field, {}):
                    name = descriptor_class(descriptor)
                    result += [name[:-2]] if name and name.endswith("[]") else []
            if cls_up.name == "java.util.HashSet":
                result += self.c.table.holds.get(("java.util.HashMap$Node", "key"), [])
        return result


# ---- rules ----

def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def row_scope(classes, values):
    return {"row": True, "this": classes, "values": values, "fields_first": {"size", "count", "name", "queue", "state"}, "rows": None}


def check_rows(checker, rule, classes, extra):
    """The expressions over rows, for rows of these classes."""
    values = dict(extra)
    if "each" in rule:
        owner = classes
        _, classes = Expression(checker, rule["each"], row_scope(classes, values), checker.place + ", each").run()
        values["owner"] = owner
    fine = True
    for name, text in (rule.get("values") or {}).items():
        found, refers = Expression(checker, text, row_scope(classes, values), f"{checker.place}, values {name}").run()
        values[name] = refers
        fine = fine and found
    scope = row_scope(classes, values)
    for key in ("keep-if", "group-by", "holder"):
        if key in rule:
            fine = Expression(checker, rule[key], scope, f"{checker.place}, {key}").run()[0] and fine
    for text in listed(rule.get("keeps")):
        Expression(checker, text, scope, f"{checker.place}, keeps").run()
    totals = {"row": False, "this": [], "values": {}, "fields_first": set(), "rows": scope}
    for name, text in (rule.get("totals") or {}).items():
        fine = Expression(checker, text, totals, f"{checker.place}, totals {name}").run()[0] and fine
    return fine


def check_rule(checker, rule, path):
    checker.place = f"{path.name}: {rule['id']}"
    checker.dead.clear()
    for name in listed(rule.get("class")) + listed(rule.get("subclasses-of")):
        checker.need_class(name)
        if not check_rows(checker, rule, [name], {}):
            checker.complain(f"{name} has not what the rule reads")
    for name in listed(rule.get("static")):
        cls, field = name.split("#")
        found, refers = checker.field(cls, field, static=True)
        if not found:
            checker.complain(f"static field {name} is not known")
        check_rows(checker, rule, refers, {})
    if "collector" in rule:
        this, columns = COLLECTORS[rule["collector"]]
        checker.need_class(this)
        values = dict(columns)
        loaders = LOADERS if rule["collector"] == "loaders" else ()
        for cls in loaders:
            checker.need_class(cls)
        check_rows(checker, rule, [this, *loaders], values)
    if "prefix" in rule:
        check_rows(checker, rule, [], {})
    for (where, name), classes in checker.dead.items():
        checker.complain(f"{where[len(checker.place) + 2:] if where.startswith(checker.place) else where}: no field {name} in {classes}")
    checker.dead.clear()
    held = rule.get("held")
    if held:
        check_rule(checker, {"id": rule["id"] + ", held", **held}, path)
        checker.place = f"{path.name}: {rule['id']}"


def check_choice(checker, path, rules, rules_of):
    """embed.py, which chooses rules by the classes that they name, sees what YAML sees."""
    checker.place = path.name
    text = path.read_text(encoding="utf-8")
    seen = {name: (text[start:end], names) for name, start, end, names in rules_of(text)}
    if list(seen) != [rule["id"] for rule in rules]:
        checker.complain(f"embed.py sees the rules {list(seen)}")
        return
    for rule in rules:
        part, names = seen[rule["id"]]
        wanted = None if "collector" in rule else [name + "*" for name in listed(rule.get("prefix"))] + [
            name.split("#")[0] for key in ("class", "subclasses-of", "static") for name in listed(rule.get(key))]
        if names != wanted or yaml.safe_load("rules:\n" + part) != {"rules": [rule]}:
            checker.complain(f"embed.py sees another {rule['id']}")


def check_c(checker, source):
    """Names of classes and fields in the C sources are in the table."""
    fields = {f for cls in checker.table.classes.values() for f in cls.fields}
    for pattern in C_FILES:
        for path in sorted(source.glob(pattern)):
            checker.place = path.name
            text = path.read_text()
            for name in C_CLASS.findall(text):
                if not name.endswith("$") and name not in NO_CLASSES:
                    checker.need_class(name)
            names = {n for found in C_READ.findall(text) for n in found if n and "." not in n}
            names |= {n for _, body in C_ARRAY.findall(text) for n in re.findall(r'"([^"]+)"', body)}
            for name in sorted(names - fields):
                checker.complain(f"no class of the table has a field {name}")
            checker.pairs |= {("C", n) for n in names}


# ---- jars ----

def check_jars(table):
    world = World()
    problems, checked, absent = [], 0, set()
    present = set(world.jdks)
    names = {r[0] for r in table.rows if r[4].startswith(("jdk ", "jar "))}
    world.load(names)
    for cls in world.classes.values():
        present |= cls.where
    for name, kind, field, what, where in table.rows:
        if not where.startswith(("jdk ", "jar ")):
            continue
        if where not in present:
            absent.add(where)
            continue
        cls = world.find(name)
        if kind == "holds":
            continue
        checked += 1
        if cls is None or where not in cls.where:
            problems.append(f"{where} has no class {name}")
        elif kind != "class" and where not in cls.fields.get(field, {}).get((kind == "static", what), ()):
            problems.append(f"{where}: {name} has no {kind} {field} of type {what}")
    for where in sorted(absent):
        print(f"not installed, not compared: {where}")
    print(f"{checked} rows compared with {len(present)} jars and JDKs")
    return problems, checked


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    source = pathlib.Path(args[0])
    rules_folder = pathlib.Path(args[1]) if len(args) > 1 else source / "src/rules/builtin"
    table = Table(TABLE)
    if "--jars" in sys.argv:
        problems, checked = check_jars(table)
        if not checked:
            print("no jar or JDK of the table is installed")
            return SKIPPED
    elif yaml is None:
        print("Python's yaml (python3-yaml) is not installed: the fields that rules read are not checked")
        return SKIPPED
    else:
        checker = Checker(table, World() if "--write" in sys.argv else None)
        sys.path.insert(0, str(source / "src/rules"))
        from embed import rules_of
        for path in sorted(rules_folder.glob("*.yaml")):
            rules = yaml.safe_load(path.read_text()).get("rules") or []
            for rule in rules:
                check_rule(checker, rule, path)
            check_choice(checker, path, rules, rules_of)
        check_c(checker, source)
        problems = checker.problems
        if "--write" in sys.argv:
            table.write(TABLE)
        print(f"{len([p for p in checker.pairs if p[1] != '-'])} fields and {len([p for p in checker.pairs if p[1] == '-'])} classes read")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
