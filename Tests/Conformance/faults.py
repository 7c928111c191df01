"""Lets the n-th call of every command that changes a catalog fail, or kills the process there, for every n.

Afterwards the catalog is read by both programs, no WAL that a remaining backup needs is gone, and the command, given again, ends where
it would have ended. Needs a debug build: only that has the faults (`BARMAN_FAULT`).
"""

import hashlib
import json
import os
import shutil
import subprocess
import time

import catalog

IDS = [f"2026030{day}T000000" for day in range(1, 6)]
SEGMENTS = range(1, 21)
MODES = ["kill", "EIO", "ENOSPC"]
CHANGE = json.dumps([{"scope": "server", "server_name": "pg", "parallel_jobs": "4", "description": "changed"}])
COMMANDS = {
    "delete the oldest": ["delete", "pg", IDS[0]],
    "delete a tree": ["delete", "pg", IDS[1]],
    "delete the latest": ["delete", "pg", IDS[4]],
    "keep": ["keep", "--target", "full", "pg", IDS[4]],
    "change a keep": ["keep", "--target", "full", "pg", IDS[3]],
    "release a keep": ["keep", "--release", "pg", IDS[3]],
    "rebuild": ["rebuild-xlogdb", "pg"],
    "retention": ["cron"],
    "config-update": ["config-update", CHANGE],
    "check-backup": ["check-backup", "pg", IDS[4]],
    "import": ["import-backup", "pg", "{export}"],
}


def segment(number):
    return catalog.segment_name(1, number, 16 << 20)


def record(identifier, first, last, **changes):
    values = dict.fromkeys(catalog.KEYS)
    values.update(
        begin_offset=40, begin_time="2026-01-01 10:00:00+00:00", begin_wal=segment(first), begin_xlog=f"0/{first:X}000028",
        end_offset=344, end_time="2026-01-01 10:05:00+00:00", end_wal=segment(last), end_xlog=f"0/{last:X}000158", mode="postgres",
        pgdata="/pg", server_name="pg", size=5, deduplicated_size=5, status="DONE", timeline=1, version=170004, xlog_segment_size=16777216,
        systemid=catalog.SYSTEM_ID, summarize_wal="on",
    )
    values.update(changes)
    return "".join(f"{key}={values[key]}\n" for key in catalog.KEYS if key not in catalog.HIDDEN_WHEN_NULL or values[key] is not None)


def command_line(pid):
    """What a process was started with; empty when nobody started it or it is gone, `None` when that cannot be told yet."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read()
        if not line:
            # Neither of the kernel nor dead: its program is just being loaded, whichever it is.
            os.readlink(f"/proc/{pid}/exe")
            return None
        return line
    except OSError:
        return b""


def wait_for_commands(configuration, seconds):
    """Until no command with this configuration file runs any more."""
    end = time.monotonic() + seconds
    clean = 0
    # A process that starts another while the list is read is not in it, and neither is the other: two lists without any are needed.
    while clean < 2 and time.monotonic() < end:
        lines = [command_line(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        running = any(line is None or configuration.encode() in line for line in lines)
        clean = 0 if running else clean + 1
        time.sleep(0.01)


class Faults:
    """`oracle` asks it (`oracle.py`), `None` without one; of the calls, every `every`-th fails, beginning at a random one."""

    def __init__(self, program, oracle, directory, every=1, random=None):
        self.program, self.oracle, self.directory = program, oracle, directory
        self.every, self.random = every, random
        self.home, self.template = f"{directory}/work", f"{directory}/template"
        self.findings, self.count = [], 0
        self.known = {}
        self.export = None

    def run(self, words, fault=None, count=None):
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "TZ": "UTC"}
        if fault:
            environment["BARMAN_FAULT"] = fault
        if count:
            environment["BARMAN_FAULT_COUNT"] = count
        command = [self.program, "-c", f"{self.home}/barman.conf"] + [word.replace("{export}", self.export or "") for word in words]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        if words == ["cron"]:
            wait_for_commands(f"{self.home}/barman.conf", 30)
        return done

    def ask_oracle(self, words):
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "TZ": "UTC", "PYTHONWARNINGS": "ignore"}
        out, error, status = self.oracle(["-c", f"{self.home}/barman.conf"] + words, environment, 120)
        return subprocess.CompletedProcess(words, status, out, error)

    def make(self):
        server = f"{self.template}/home/pg"
        shutil.rmtree(self.template, ignore_errors=True)
        options = "backup_method = postgres\narchiver = on\nretention_policy = REDUNDANCY 2\nconninfo = host=127.0.0.1 port=1\n"
        options += "streaming_conninfo = host=127.0.0.1 port=1\nbackup_options = concurrent_backup\n"
        catalog.write(f"{self.template}/barman.conf", f"[barman]\nbarman_home = {self.home}/home\nbarman_user = {catalog.USER}\n"
                      f"log_file = {self.directory}/log\n\n[pg]\n{options}")
        records = [
            record(IDS[0], 2, 3), record(IDS[1], 5, 6, children_backup_ids=IDS[2]), record(IDS[2], 8, 8, parent_backup_id=IDS[1]),
            record(IDS[3], 10, 11), record(IDS[4], 14, 15),
        ]
        for identifier, text in zip(IDS, records):
            catalog.write(f"{server}/meta/{identifier}-backup.info", text)
            catalog.write(f"{server}/base/{identifier}/data/PG_VERSION", "17\n")
            catalog.write(f"{server}/base/{identifier}/data/base/1/1259", "x" * 100)
        catalog.write(f"{server}/meta/{IDS[3]}-keep", "standalone")
        catalog.write(f"{server}/identity.json", f'{{\n    "systemid": "{catalog.SYSTEM_ID}",\n    "version": "17"\n}}\n')
        lines = []
        for number in SEGMENTS:
            path = f"{server}/wals/{segment(number)[:16]}/{segment(number)}"
            catalog.write(path, f"wal {number}")
            os.utime(path, (1767225600 + number, 1767225600 + number))
            lines.append(f"{segment(number)}\t{len(f'wal {number}')}\t{1767225600 + number}.0\tNone\tNone\n")
        catalog.write(f"{server}/wals/pg-xlog.db", "".join(lines))
        for name in ("incoming", "streaming", "errors"):
            os.makedirs(f"{server}/{name}")

    def fresh(self, title):
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.template, self.home, symlinks=True)
        if title == "import":
            self.export_one()

    def export_one(self):
        """The last backup, packed once; it and its WAL are taken out of the home."""
        if self.export is None:
            os.makedirs(f"{self.directory}/export", exist_ok=True)
            done = self.run(["export-backup", "pg", IDS[4], f"{self.directory}/export"])
            if done.returncode != 0:
                raise SystemExit(f"export-backup failed: {done.stderr.decode()}")
            self.export = f"{self.directory}/export/{os.listdir(f'{self.directory}/export')[0]}"
        server = f"{self.home}/home/pg"
        os.unlink(f"{server}/meta/{IDS[4]}-backup.info")
        shutil.rmtree(f"{server}/base/{IDS[4]}")
        with open(f"{server}/wals/pg-xlog.db") as file:
            lines = file.readlines()
        with open(f"{server}/wals/pg-xlog.db", "w") as file:
            file.writelines(line for line in lines if line[:24] not in (segment(14), segment(15)))
        for number in (14, 15):
            os.unlink(f"{server}/wals/{segment(number)[:16]}/{segment(number)}")

    def tree(self):
        found = {}
        for directory, names, files in os.walk(f"{self.home}/home"):
            names[:] = [name for name in names if not name.startswith(".import-")]
            for name in files:
                # Locks and what a killed process leaves under a hidden or temporary name are no part of the catalog.
                if name.startswith(".") and name != ".barman.auto.conf" or name.endswith((".tmp", ".old", ".queue")):
                    continue
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.home)] = file.read()
        with open(f"{self.home}/barman.conf", "rb") as file:
            found["barman.conf"] = file.read()
        return found

    def lost(self, tree, before):
        """WAL that a remaining backup needs and that is gone, from disk or from the list."""
        records = {}
        for path, content in tree.items():
            if path.endswith("-backup.info"):
                identifier = os.path.basename(path)[:15]
                if f"home/pg/meta/{identifier}-delete_this" not in tree:
                    records[identifier] = dict(line.split("=", 1) for line in content.decode().splitlines())
        listed = tree.get("home/pg/wals/pg-xlog.db", b"").decode()
        missing = []
        for identifier, values in records.items():
            is_standalone = tree.get(f"home/pg/meta/{identifier}-keep") == b"standalone"
            for number in SEGMENTS:
                name = segment(number)
                wanted = values["begin_wal"] <= name and (name <= values["end_wal"] or not is_standalone)
                path = f"home/pg/wals/{name[:16]}/{name}"
                if wanted and path in before and (path not in tree or name not in listed):
                    missing.append(f"{identifier} needs {name}")
        return missing

    def judge(self, title, fault, before):
        tree = self.tree()
        key = hashlib.sha256(repr(sorted(tree.items())).encode()).hexdigest()
        if key not in self.known:
            problems = self.lost(tree, before)
            for name, ask in (("we", self.run), ("the oracle", self.ask_oracle)):
                if name == "the oracle" and not self.oracle:
                    continue
                for words in (["list-backups", "pg"], ["show-servers", "pg"] if title == "config-update" else ["status", "pg"]):
                    done = ask(words)
                    if done.returncode != 0:
                        problems.append(f"{name} can not read it: {' '.join(words)}: {done.stderr.decode()[-500:]}")
            self.known[key] = problems
        for problem in self.known[key]:
            self.findings.append(f"{title}, {fault}: {problem}")

    def attack(self, title, words):
        self.fresh(title)
        before = self.tree()
        counter = f"{self.directory}/count"
        done = self.run(words, count=counter)
        if done.returncode != 0:
            self.findings.append(f"{title}: fails without a fault: {done.stderr.decode()[-500:]}")
            return
        expected = self.tree()
        with open(counter) as file:
            total = int(file.read())
        for mode in MODES:
            first = self.random.randint(1, self.every) if self.random else 1
            for number in range(first, total + 1, self.every):
                self.fresh(title)
                fault = f"{mode}:{number}"
                done = self.run(words, fault=fault)
                self.count += 1
                if mode == "kill" and done.returncode == 0 and title != "retention":
                    self.findings.append(f"{title}, {fault}: survives")
                self.judge(title, fault, before)
                # A stale mark of a deletion is finished by the next one; what is gone already is no failure.
                again = self.run(words)
                if again.returncode != 0 and b"Unknown backup" not in again.stderr and b"already exists" not in again.stderr:
                    self.findings.append(f"{title}, {fault}: the second time: {again.stderr.decode()[-300:]}")
                if title != "retention":
                    self.run(["delete", "pg", "20200101T000000"])
                after = self.tree()
                if self.lost(after, before):
                    self.findings.append(f"{title}, {fault}: lost at the second time: {self.lost(after, before)}")
                differing = sorted(key for key in after.keys() | expected.keys() if after.get(key) != expected.get(key))
                differing = [key for key in differing if not key.endswith("-delete_this")]
                if differing and not (title.startswith("delete") and self.is_only_listed(after, expected)):
                    self.findings.append(f"{title}, {fault}: the second time ends elsewhere: {differing[:5]}")

    @staticmethod
    def is_only_listed(after, expected):
        """WAL nobody needs may stay for the next deletion when the first one was cut off after its record was gone."""
        return all(key in after and (after[key] == value or key.endswith("xlog.db")) for key, value in expected.items())


def run(program, oracle, work, only=None, every=1, random=None):
    faults = Faults(program, oracle, f"{work}/faults-{os.getpid()}", every, random)
    faults.make()
    for title, words in COMMANDS.items():
        if only and only not in title:
            continue
        found, start = len(faults.findings), time.monotonic()
        faults.attack(title, words)
        told = f"{faults.count} runs so far, {len(faults.findings) - found} findings, {time.monotonic() - start:.0f} s"
        print(f"faults: {title}: {told}", flush=True)
        for finding in faults.findings[found:][:20]:
            print(f"  {finding}", flush=True)
    shutil.rmtree(faults.directory, ignore_errors=True)
    return faults
