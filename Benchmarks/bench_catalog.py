"""The sections `catalog`, beside the oracle, and `reports`: reports, deletion and cron on large catalogs, ours alone.

The oracle takes minutes for most of the second.
"""

import glob
import os
import shutil


def works(bench):
    """The sections of this module by name; `bench` is the main module with its helpers."""
    return {"catalog": lambda: catalog(bench), "reports": lambda: reports(bench)}


def catalog(bench):
    def make(path):
        os.makedirs(path)
        bench.own(path)
        bench.run("/usr/bin/python3", f"{bench.ROOM}/bin/make-catalog.py", path, "main", str(bench.BACKUPS), str(bench.WAL_LINES))

    home = bench.once("catalog", make)

    def ask(program, *command):
        return lambda: bench.timed(program, "-c", f"{home}/barman.conf", *command)

    title = f"{bench.BACKUPS} backups, {bench.WAL_LINES:,} WAL"
    peers = {"3.19.1": ask(bench.ORACLE, "show-backup", "main", "latest")}
    bench.compare(f"show-backup latest, {title}", peers, ask(bench.OURS, "show-backup", "main", "latest"))
    if bench.FULL or bench.QUICK:
        theirs = ask(bench.ORACLE, "list-backups", "main")()
        bench.compare(f"list-backups, {title}", {}, ask(bench.OURS, "list-backups", "main"))
        print(f"|   … 3.19.1, one run | {theirs[0]:.2f} s | | | {theirs[1]:.0f} MiB | |", flush=True)
    else:
        bench.compare(f"list-backups, {title}", {}, ask(bench.OURS, "list-backups", "main"), note="3.19.1 not run: BENCH_FULL=1 runs it")


def sizes(bench):
    """Servers, backups of each and lines of WAL of each, by name."""
    if bench.QUICK:
        return {"deep": (1, 50, 50_000), "wide": (20, 3, 300), "many": (1, 500, 5_000)}
    return {"deep": (1, 500, 1_000_000), "wide": (200, 5, 5_000), "many": (1, 5_000, 100_000)}


def configure(path, servers):
    """One configuration for all servers of a home; PostgreSQL is where nobody listens, which is told at once."""
    with open(f"{path}/barman.conf") as file:
        text = file.read()
    text = text.split("\n[")[0]
    for name in servers:
        text += f"\n\n[{name}]\nbackup_method = rsync\nssh_command = false\nconninfo = host=127.0.0.1 port=1\narchiver = on\n"
        text += "backup_options = concurrent_backup\nretention_policy = REDUNDANCY 100000\n"
    with open(f"{path}/barman.conf", "w") as file:
        file.write(text)


def make(bench, path, servers, backups, lines):
    os.makedirs(path)
    bench.own(path)
    names = [f"s{number:03d}" for number in range(servers)]
    for name in names:
        bench.run("/usr/bin/python3", f"{bench.ROOM}/bin/make-catalog.py", path, name, str(backups), str(lines))
    configure(path, names)


def reports(bench):
    for shape, (servers, backups, lines) in sizes(bench).items():
        home = bench.once(f"reports-{shape}", lambda path: make(bench, path, servers, backups, lines))
        title = f"{servers} servers × {backups} backups × {lines:,} WAL"
        first, conf = "s000", f"{home}/barman.conf"

        def ask(*command, good=(0,)):
            return lambda: bench.timed(bench.OURS, "-c", conf, *command, good=good)

        for command in (["list-backups", "all"], ["show-backup", first, "oldest"], ["status", "all"], ["retention", first], ["diagnose"], ["sync-info", first]):
            bench.compare(f"{command[0]}, {title}", {}, ask(*command))
        bench.compare(f"check, {title}", {}, ask("check", "all", good=(0, 1)))
        bench.compare(f"cron, {title}", {}, ask("cron", good=(0, 1)))
        work = f"{bench.ROOM}/homes/{shape}"

        def copy():
            shutil.rmtree(work, ignore_errors=True)
            # Records and lists only: deletion is not the time that the file system takes for a tree.
            shutil.copytree(home, work, symlinks=True, ignore=lambda directory, names: [name for name in names if name.startswith(".")])
            with open(f"{work}/barman.conf") as file:
                text = file.read().replace(home, work)
            with open(f"{work}/barman.conf", "w") as file:
                file.write(text)
            for directory in [work] + glob.glob(f"{work}/**", recursive=True):
                bench.own(directory)

        bench.compare(
            f"delete oldest, {title}", {}, lambda: bench.timed(bench.OURS, "-c", f"{work}/barman.conf", "delete", first, "oldest"), prepare=copy
        )
        shutil.rmtree(work, ignore_errors=True)
