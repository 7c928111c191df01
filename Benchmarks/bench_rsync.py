"""Backups by rsync and their verification: sections `rsync`, `verify`, `rsync-files`.

`works(bench)` returns the sections; `bench` is the module with the helpers. The data is that of bench.py and bench_backup.py.
"""

import datetime
import os
import shutil
import statistics
import time

import bench_backup

ALONE, SYNCED = "rsync alone (nothing synced)", "rsync alone, then synced"


def works(bench):
    return {"rsync": lambda: rsync(bench), "verify": lambda: verify(bench), "rsync-files": lambda: rsync_files(bench)}


class Server(bench_backup.Server):
    """A running cluster that is reached by ssh."""

    kind = "rsync"

    def method(self):
        return {"backup_method": "rsync", "ssh_command": f"ssh {self.bench.USER}@bench"}

    def alone(self):
        """What rsync itself takes for the same files."""
        target = self.target("rsync")
        os.sync()
        # 24: files of a running server vanish while it is copied.
        return self.bench.timed("rsync", "-e", "ssh", "-rLKpts", "--inplace", "--exclude=/pg_wal/*",
                                f"{self.bench.USER}@bench:{self.data}/", target, good=(0, 24))

    def alone_synced(self):
        """The same, and on disk."""
        seconds, peak = self.alone()
        began = time.monotonic()
        os.sync()
        return seconds + time.monotonic() - began, peak

    beside = []  # seconds of each backup of ours in which no rsync of it ran

    def ours(self, jobs):
        figure = self.barman("ours", self.bench.OURS, "--jobs", jobs)
        with open(f"{self.bench.ROOM}/homes/{self.kind}-ours/barman.log") as log:
            self.beside.append(figure[0] - rsync_seconds(log))
        return figure

    def again(self, home, program, *words):
        """One more backup in a home that has one."""
        self.point(f"{home}/main/incoming")
        os.sync()
        return self.bench.timed(program, "-c", f"{home}/barman.conf", "backup", "--immediate-checkpoint", *words, "main")


def rsync_seconds(log):
    """How long at least one rsync of a backup was running, by the debug lines of its log."""
    running, began, seconds = 0, 0.0, 0.0
    for line in log:
        # A line begins with `2026-11-26 04:19:37,145`.
        if "DEBUG: Command: rsync " in line:
            running += 1
            if running == 1:
                began = timestamp(line)
        elif running and "DEBUG: Command return code: " in line:
            running -= 1
            if running == 0:
                seconds += timestamp(line) - began
    return seconds


def timestamp(line):
    return datetime.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()


def rsync(bench):
    bench.start_sshd()
    server = Server(bench, bench.once("cluster", bench.make_cluster), bench.BIN)
    for jobs in ("1", "2"):
        peers = {"3.19.1": lambda: server.barman("3.19.1", bench.ORACLE, "--jobs", jobs)}
        if jobs == "1":
            peers[ALONE] = server.alone
            peers[SYNCED] = server.alone_synced
        seconds = bench.compare(
            f"rsync backup over ssh, jobs: {jobs}", peers, lambda: server.ours(jobs), prepare=bench.fresh,
        )
        print(f"|   … of which no rsync was running | | {statistics.median(server.beside):.2f} s | | | |", flush=True)
        server.beside.clear()
        for name in (ALONE, SYNCED):
            if name in seconds:
                print(f"|   … what is ours beside {name} | | {seconds['ours'] - seconds[name]:.2f} s | | | |", flush=True)
    server.stop()


def verify(bench):
    """A plain backup by pg_basebackup (CRC-32C) and one by rsync (SHA-256), both in the cache."""
    bench.start_sshd()
    server = Server(bench, bench.once("cluster", bench.make_cluster), bench.BIN)
    home = server.home("verify", bench.OURS)
    bench.run(bench.OURS, "-q", "-c", f"{home}/barman.conf", "backup", "--immediate-checkpoint", "--manifest", "--wait", "main")
    bench_backup.compare_verify(bench, "verify, plain, SHA-256", home)
    home = server.home("verify", bench.OURS, **bench_backup.Server.method(server))
    bench.run(bench.OURS, "-q", "-c", f"{home}/barman.conf", "backup", "--immediate-checkpoint", "--wait", "main")
    bench_backup.compare_verify(bench, "verify, plain, CRC-32C", home)
    server.stop()


def rsync_files(bench):
    """The second backup with links to the first: 3.19.1 gives rsync two patterns for each file."""
    bench.start_sshd()
    server = Server(bench, bench.once("files", bench_backup.make_files(bench)), bench.BIN)
    bench.compare(
        f"rsync, {bench_backup.FILES:,} small files",
        {"3.19.1": lambda: server.barman("3.19.1", bench.ORACLE)} if bench.FULL else {},
        lambda: server.barman("ours", bench.OURS), prepare=bench.set_aside, note="" if bench.FULL else "3.19.1 not run: BENCH_FULL=1 runs it",
    )
    home = server.home("ours", bench.OURS)
    server.again(home, bench.OURS)
    bench.compare("   … again, with links to the last one, two jobs", {},
                  lambda: server.again(home, bench.OURS, "--reuse-backup", "link", "--jobs", "2"))
    server.stop()
    shutil.rmtree(f"{bench.ROOM}/homes", ignore_errors=True)
    bench.clear_aside()
