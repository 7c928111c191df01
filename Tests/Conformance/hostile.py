"""Homes damaged on purpose, for our program alone: a clear answer each, no hang, no trap, nothing touched outside the home."""

import os
import random as randomness
import shutil
import stat
import subprocess

import catalog

# A hang; a busy machine is slow.
TIMEOUT_SECONDS = 60
SIGNALS = range(-64, 0)


def record(**changes):
    values = dict.fromkeys(catalog.KEYS)
    values.update(
        begin_offset=40, begin_time="2026-01-01 10:00:00+00:00", begin_wal="000000010000000000000002", begin_xlog="0/2000028",
        end_offset=344, end_time="2026-01-01 10:05:00+00:00", end_wal="000000010000000000000003", end_xlog="0/3000158",
        mode="postgres", pgdata="/pg", server_name="pg", size=1000, deduplicated_size=1000, status="DONE", timeline=1, version=170004,
        xlog_segment_size=16777216, systemid=catalog.SYSTEM_ID,
    )
    values.update(changes)
    return "".join(f"{key}={values[key]}\n" for key in catalog.KEYS if key not in catalog.HIDDEN_WHEN_NULL or values[key] is not None)


def chain(*links):
    """Records `(id, parent, children)`."""
    return {identifier: record(parent_backup_id=parent, children_backup_ids=children, summarize_wal="on") for identifier, parent, children in links}


FIRST, SECOND, THIRD = "20260101T100000", "20260102T100000", "20260103T100000"
WHOLE = record().encode()
BINARY = randomness.Random(1).randbytes(20000)

# Name of the damage -> records by id (text or bytes); `{id}` stands for the first id.
RECORDS = {
    "an empty record": {FIRST: ""},
    "binary": {FIRST: BINARY},
    "zero bytes": {FIRST: b"\0" * 5000},
    "one very long line": {FIRST: record(error="x" * 5_000_000)},
    "gigantic": {FIRST: record() + "# comment\n" * 8_000_000},
    "no line end": {FIRST: record().rstrip("\n")},
    "carriage returns": {FIRST: record().replace("\n", "\r\n")},
    "not UTF-8": {FIRST: record().encode().replace(b"/pg", b"/\xff\xfe\x80")},
    "end before begin": {FIRST: record(begin_wal="000000010000000000000009", end_wal="000000010000000000000002")},
    "far apart": {FIRST: record(begin_wal="000000010000000000000001", end_wal="FFFFFFFFFFFFFFFF000000FF")},
    "the whole numbers of WAL": {FIRST: record(begin_wal="000000010000000000000001", end_wal="00000001FFFFFFFF000000FF")},
    "segments of one byte": {FIRST: record(xlog_segment_size=1)},
    "segments of no bytes": {FIRST: record(xlog_segment_size=0)},
    "segments of negative size": {FIRST: record(xlog_segment_size=-16777216)},
    "no WAL name": {FIRST: record(begin_wal="nonsense", end_wal="../../../etc/passwd")},
    "numbers out of range": {FIRST: record(size=10**30, deduplicated_size=-(10**18), timeline=-1, version=10**19)},
    "largest numbers": {FIRST: record(size=2**63 - 1, deduplicated_size=2**63 - 1, cluster_size=2**63 - 1, timeline=2**32, version=2**31)},
    "times out of range": {FIRST: record(begin_time="9999-12-31 23:59:59.999999+23:59", end_time="0001-01-01 00:00:00-23:59")},
    "no times": {FIRST: record(begin_time="yesterday", end_time="soon")},
    "deep literals": {FIRST: record(tablespaces="[" * 100_000, copy_stats="{" * 100_000)},
    "closed deep literals": {FIRST: record(copy_stats="[" * 50_000 + "]" * 50_000)},
    "tablespaces outside": {FIRST: record(tablespaces=repr([("../../../etc", 1, "/etc"), ("x\n", -1, "")]))},
    "parent of itself": chain((FIRST, FIRST, FIRST)),
    "parents in a circle": chain((FIRST, THIRD, SECOND), (SECOND, FIRST, THIRD), (THIRD, SECOND, FIRST)),
    "a circle of children": chain((FIRST, None, SECOND), (SECOND, FIRST, FIRST)),
    "a lost parent": chain((FIRST, "20200101T000000", "20300101T000000")),
    "a parent outside": chain((FIRST, "../../../etc/passwd", "../../x,../../y")),
    "a name of everything": {FIRST: record(backup_name="a b'c\"d ../../\t\x1b[31m")},
    "an id that is none": {"not an id": record(), "..": record(), "a\nb": record(), "x" * 200: record(), "'; drop": record()},
    "a foreign server": {FIRST: record(server_name="../../etc")},
}
RECORDS.update({f"cut at {length}": {FIRST: WHOLE[:length]} for length in range(0, len(WHOLE), 37)})

XLOGS = {
    "binary list": BINARY,
    "zero list": b"\0" * 100_000,
    "list cut in a line": b"000000010000000000000002\t168\t17672",
    "list without line ends": b"000000010000000000000002\t168\t1.0\tNone\tNone " * 1000,
    "list of one long line": b"A" * 10_000_000,
    "list with numbers out of range": b"000000010000000000000002\t99999999999999999999999\t1e999\tNone\tNone\n",
    "list with a negative size": b"000000010000000000000002\t-5\tnan\tNone\tNone\n",
    "list with a path": b"../../../../outside/victim\t5\t1.0\tNone\tNone\n00000001000000000000000/\t5\t1.0\tNone\tNone\n",
    "list in disorder": b"".join(b"0000000100000000000000%02X\t5\t1.0\tNone\tNone\n" % (n * 37 % 256) for n in range(256)),
}

COMMANDS = [
    ["list-backups", "pg"], ["show-backup", "pg", FIRST], ["-f", "json", "show-backup", "pg", "latest"], ["list-files", "--target", "full", "pg", FIRST],
    ["list-files", "--target", "standalone", "pg", FIRST], ["status", "pg"], ["check", "pg"], ["keep", "--target", "full", "pg", FIRST],
    ["keep", "--release", "pg", FIRST], ["check-backup", "pg", FIRST], ["check-wal-archive", "pg"], ["delete", "pg", FIRST], ["delete", "pg", "oldest"],
    ["delete", "pg", "../../outside"], ["show-backup", "pg", "../../../outside/victim"], ["list-files", "pg", "a\nb"], ["rebuild-xlogdb", "pg"], ["cron"],
]


class Findings(list):
    """Each is told when it is found: a run that is cut short has told its findings."""

    def append(self, text):
        print(text, flush=True)
        super().append(text)


class Hostile:
    """Of all pairs of a damage and a command, every `every`-th is tried, beginning at a random one."""

    def __init__(self, program, directory, every=1, random=None):
        self.program, self.directory = program, directory
        self.findings = Findings()
        self.count = 0
        self.every = every
        self.turn = random.randrange(every) if random else 0

    def make(self, records, xlog=None, prepare=None):
        shutil.rmtree(self.directory, ignore_errors=True)
        home = f"{self.directory}/home"
        catalog.write(f"{self.directory}/outside/victim", "untouched")
        catalog.write(f"{self.directory}/outside/keep/data/file", "untouched")
        options = "backup_method = postgres\narchiver = on\nactive = true\nretention_policy = REDUNDANCY 1\n"
        options += "conninfo = host=127.0.0.1 port=1\nstreaming_conninfo = host=127.0.0.1 port=1\ncheck_timeout = 3\n"
        catalog.write(f"{self.directory}/barman.conf", f"[barman]\nbarman_home = {home}\nbarman_user = {catalog.USER}\n"
                      f"log_file = {self.directory}/log\n[pg]\n{options}")
        for identifier, text in records.items():
            if identifier != "..":
                catalog.write(f"{home}/pg/base/{identifier}/data/PG_VERSION", "17\n")
            catalog.write(f"{home}/pg/meta/{identifier}-backup.info", text)
        for number in range(2, 6):
            name = f"00000001000000000000000{number}"
            catalog.write(f"{home}/pg/wals/0000000100000000/{name}", "w")
        if xlog is not None:
            catalog.write(f"{home}/pg/wals/pg-xlog.db", xlog)
        if prepare:
            prepare(f"{home}/pg", f"{self.directory}/outside")
        return self.outside()

    def outside(self):
        found = {}
        for directory, names, files in os.walk(f"{self.directory}/outside"):
            for name in names + files:
                path = os.path.join(directory, name)
                status = os.lstat(path)
                found[path] = (status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode))
        return found

    def attack(self, title, records, xlog=None, prepare=None, commands=COMMANDS):
        for words in commands:
            self.turn += 1
            if self.turn % self.every:
                continue
            before = self.make(records, xlog, prepare)
            self.count += 1
            command = [self.program, "-c", f"{self.directory}/barman.conf"] + words
            try:
                run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_SECONDS,
                                     env={"PATH": os.environ["PATH"], "HOME": "/", "TZ": "UTC"})
            except subprocess.TimeoutExpired:
                self.findings.append(f"{title}: {words}: hangs")
                continue
            error = run.stderr.decode(errors="replace")
            if run.returncode in SIGNALS or run.returncode > 3:
                self.findings.append(f"{title}: {words}: ends with {run.returncode}: {error[:2000]}")
            if run.returncode == 1 and not (error or run.stdout):
                self.findings.append(f"{title}: {words}: fails without a word")
            if "Fatal error" in error:
                self.findings.append(f"{title}: {words}: {error[:2000]}")
            if len(error) > 20_000:
                self.findings.append(f"{title}: {words}: says {len(error)} bytes of error: {error[:300]}")
            if self.outside() != before:
                self.findings.append(f"{title}: {words}: changed what is outside the home")


def link(place, target):
    def prepare(server, outside):
        path = f"{server}/{place}"
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        os.symlink(target.replace("{outside}", outside), path)
    return prepare


def mode(place, bits):
    def prepare(server, outside):
        os.chmod(f"{server}/{place}", bits)
    return prepare


def special(place):
    def prepare(server, outside):
        path = f"{server}/{place}"
        os.unlink(path)
        os.mkfifo(path)
    return prepare


def directory(place):
    def prepare(server, outside):
        path = f"{server}/{place}"
        os.unlink(path)
        os.makedirs(path)
    return prepare


INFO = f"meta/{FIRST}-backup.info"
PLACES = {
    "a record that is a link outside": link(INFO, "{outside}/victim"),
    "a record that is a link to itself": link(INFO, f"{FIRST}-backup.info"),
    "a record that is a link to nothing": link(INFO, "/nonexistent"),
    "a record that is a device": link(INFO, "/dev/zero"),
    "a record that is a pipe": special(INFO),
    "a record that is a directory": directory(INFO),
    "a backup that is a link outside": link(f"base/{FIRST}", "{outside}/keep"),
    "data that is a link outside": link(f"base/{FIRST}/data", "{outside}/keep"),
    "WAL that is a link outside": link("wals/0000000100000000", "{outside}/keep"),
    "a list that is a device": link("wals/pg-xlog.db", "/dev/zero"),
    "an unreadable record": mode(INFO, 0),
    "an unreadable directory": mode("meta", 0),
}


def run(program, work, every=1, random=None):
    hostile = Hostile(program, f"{work}/hostile-{os.getpid()}", every, random)
    for title, records in RECORDS.items():
        few = COMMANDS if not title.startswith("cut at") else [["list-backups", "pg"], ["show-backup", "pg", FIRST], ["delete", "pg", FIRST]]
        if title == "gigantic":
            few = [["list-backups", "pg"]]
        hostile.attack(title, records, commands=few)
    for title, content in XLOGS.items():
        hostile.attack(title, {FIRST: record(), SECOND: record()}, xlog=content)
    for title, prepare in PLACES.items():
        hostile.attack(title, {FIRST: record()}, prepare=prepare)
    shutil.rmtree(hostile.directory, ignore_errors=True)
    return hostile
