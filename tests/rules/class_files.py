# SPDX-License-Identifier: MIT
"""The fields of real classes: from jars (an own reader of class files) and from JDKs (their javap).

    World.find('io.netty.buffer.PoolChunk') -> Class(super, {'memory': {(False, 'Ljava/lang/Object;')}}, {'jar netty-all 4.1.48.Final'})

A class that several jars or JDKs have is the union of what they say; each field remembers who has it.
"""
import os
import pathlib
import re
import struct
import subprocess
import zipfile

JDK_PREFIXES = ("java.", "javax.crypto.", "sun.", "jdk.", "com.sun.")
STATIC = 0x0008
FIELD_REF_LIKE = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}  # bytes by tag
JAVAP_FIELD = re.compile(r"^  (?!.*\()(.*[ ])?([\w$]+);$")
JAVAP_CLASS = re.compile(r"(?:class|interface|enum|record) ([\w.$]+)(?: extends ([\w.$]+))?")
GENERICS = re.compile(r"<[^<>]*>")


class Class:
    def __init__(self, name):
        self.name = name
        self.parents = set()
        self.fields = {}  # name -> {(static, descriptor): {where}}
        self.where = set()

    def add(self, field, static, descriptor, where):
        self.fields.setdefault(field, {}).setdefault((static, descriptor), set()).add(where)


def parse_class(data):
    """(name, superclass, [(field, static, descriptor)]) of a class file."""
    if data[:4] != b"\xca\xfe\xba\xbe":
        raise ValueError("not a class file")
    count = struct.unpack_from(">H", data, 8)[0]
    at, index = 10, 1
    texts, classes = {}, {}
    while index < count:
        tag = data[at]
        if tag == 1:
            length = struct.unpack_from(">H", data, at + 1)[0]
            texts[index] = data[at + 3:at + 3 + length].decode("utf-8", "replace")
            at += 3 + length
        else:
            if tag == 7:
                classes[index] = struct.unpack_from(">H", data, at + 1)[0]
            at += 1 + FIELD_REF_LIKE[tag]
        index += 2 if tag in (5, 6) else 1
    _, this, parent, interfaces = struct.unpack_from(">HHHH", data, at)
    at += 8 + 2 * interfaces
    fields = []
    field_count = struct.unpack_from(">H", data, at)[0]
    at += 2
    for _ in range(field_count):
        access, name, descriptor, attributes = struct.unpack_from(">HHHH", data, at)
        at += 8
        for _ in range(attributes):
            at += 6 + struct.unpack_from(">I", data, at + 2)[0]
        fields.append((texts[name], bool(access & STATIC), texts[descriptor]))
    dotted = [texts[classes[i]].replace("/", ".") if i in classes else None for i in (this, parent)]
    return dotted[0], dotted[1], fields


def parse_javap(text):
    """The same from what `javap -p -s` prints of several classes."""
    name = parent = pending = None
    fields = []
    for line in text.splitlines():
        if line.startswith("Compiled from") or line.startswith("Error"):
            continue
        if line and not line.startswith(" ") and line.endswith("{"):
            plain = line
            while GENERICS.search(plain):
                plain = GENERICS.sub("", plain)
            found = JAVAP_CLASS.search(plain)
            name, parent, fields = (found.group(1), found.group(2), []) if found else (None, None, [])
        elif line == "}" and name:
            yield name, parent, fields
            name = None
        elif line.startswith("    descriptor: ") and pending:
            fields.append((pending[0], pending[1], line.split()[1]))
            pending = None
        else:
            found = JAVAP_FIELD.match(line)
            pending = (found.group(2), " static " in " " + (found.group(1) or "")) if found else None


class World:
    """Classes of the installed jars and JDKs, read when asked for."""

    def __init__(self, jar_folder="/usr/share/java", jdk_folder="/usr/lib/jvm"):
        self.classes = {}
        self.asked = set()
        self.jars = {}
        self.labels = {}  # of a jar: the longest of its names, which has the version
        for name in sorted(pathlib.Path(jar_folder).rglob("*.jar"), key=lambda p: (len(p.stem), p.stem)):
            self.labels[os.path.realpath(name)] = "jar " + name.stem
        for path in sorted(self.labels):
            try:
                with zipfile.ZipFile(path) as jar:
                    for entry in jar.namelist():
                        if entry.endswith(".class"):
                            self.jars.setdefault(entry[:-6].replace("/", "."), []).append(path)
            except (OSError, zipfile.BadZipFile):
                continue
        self.jdks = {}
        for path in sorted({os.path.realpath(p) for p in pathlib.Path(jdk_folder).glob("*")}):
            release = pathlib.Path(path, "release")
            if release.exists() and pathlib.Path(path, "bin/javap").exists():
                version = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', release.read_text())
                self.jdks.setdefault("jdk " + version.group(1), path)

    def _put(self, name, parent, fields, where):
        cls = self.classes.setdefault(name, Class(name))
        cls.where.add(where)
        if parent and parent != "java.lang.Object":
            cls.parents.add(parent)
        for field, static, descriptor in fields:
            cls.add(field, static, descriptor, where)

    def load(self, names):
        names = {n for n in names if n not in self.asked}
        self.asked |= names
        platform = sorted(n for n in names if n.startswith(JDK_PREFIXES))
        for version, path in self.jdks.items():
            if platform:
                out = subprocess.run([path + "/bin/javap", "-p", "-s"] + platform, capture_output=True, text=True, check=False).stdout
                for name, parent, fields in parse_javap(out):
                    self._put(name, parent, fields, version)
        for name in names:
            for path in self.jars.get(name, ()):
                with zipfile.ZipFile(path) as jar:
                    found, parent, fields = parse_class(jar.read(name.replace(".", "/") + ".class"))
                self._put(found, parent, fields, self.labels[path])
        parents = {p for n in names if n in self.classes for p in self.classes[n].parents}
        if parents - self.asked:
            self.load(parents)

    def find(self, name):
        self.load({name})
        return self.classes.get(name)
