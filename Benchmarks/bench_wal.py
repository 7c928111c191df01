"""WAL between PostgreSQL and the backup host: `archive_command` and `restore_command` over ssh, beside their peers.

The data is a cluster of its own with the WAL of a load, kept below the scratch environment:

  replay/   data/ is a base backup, wal/ every segment since, live/ the cluster itself

BENCH_WAL chooses among its parts: start, command, replay, intake.
"""

import os
import shutil
import statistics
import struct
import subprocess
import sys
import time

COMMANDS = 20
# Segments that wait, and how many of them the oracle is given: it would take minutes for all.
WAITING, SAMPLE = (60, 10) if os.environ.get("BENCH_QUICK") == "1" else (500, 40)
SEGMENT_BYTES = 16 << 20


class Hosts:
    """Two names of this machine: `ours` runs our barman, `theirs` the oracle."""

    def __init__(self, bench):
        self.bench = bench
        folder = f"{bench.ROOM}/wal-ssh"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        bench.own(folder)
        for key in ("host", "user"):
            bench.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
        client = ""
        os.makedirs("/run/sshd", exist_ok=True)
        for name, directory in (("ours", f"{bench.ROOM}/bin"), ("theirs", os.path.dirname(bench.ORACLE))):
            port = bench.free_port()
            with open(f"{folder}/sshd-{name}", "w") as file:
                file.write(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nStrictModes no\nUsePAM no\n"
                           f"AuthorizedKeysFile {folder}/user.pub\nPidFile none\nMaxSessions 100\n"
                           f"SetEnv PATH={directory}:/usr/bin:/bin\n")
            client += (f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {folder}/user\n"
                       f"  StrictHostKeyChecking no\n  UserKnownHostsFile {folder}/known\n  LogLevel ERROR\n")
            bench.started.append(subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", f"{folder}/sshd-{name}"],
                                                  stderr=subprocess.DEVNULL, preexec_fn=bench.as_user))
        with open(f"{folder}/config", "w") as file:
            file.write(client)
        with open(f"{bench.ROOM}/bin/ssh", "w") as file:
            file.write(f'#!/bin/sh\nexec /usr/bin/ssh -F {folder}/config "$@"\n')
        os.chmod(f"{bench.ROOM}/bin/ssh", 0o755)
        for name in ("ours", "theirs"):
            for _ in range(50):
                if bench.run("ssh", name, "echo", "up", check=False) == "up\n":
                    break
                time.sleep(0.1)
        self.state = f"{bench.ROOM}/wal-state"
        self.forget()

    def forget(self):
        """Ends shared connections, so that the next call pays for its own."""
        if os.path.isdir(self.state):
            for name in os.listdir(self.state):
                self.bench.run("ssh", "-O", "exit", "-o", f"ControlPath={self.state}/{name}", "ours", check=False)
            shutil.rmtree(self.state)


def make_replay(bench, path):
    """A base backup and the WAL of a load after it."""
    os.makedirs(f"{path}/wal")
    bench.own(path)
    bench.own(f"{path}/wal")
    live = f"{path}/live"
    bench.run(f"{bench.BIN}/initdb", "-D", live, "-A", "trust", "-U", "postgres")
    port = bench.free_port()
    bench.start_cluster(live, port, f"-c archive_mode=on -c fsync=off -c full_page_writes=off -c max_wal_size=4GB "
                                    f"-c checkpoint_timeout=1h -c 'archive_command=cp %p {path}/wal/%f'")
    connection = ["-h", bench.ROOM, "-p", str(port), "-U", "postgres"]
    bench.run(f"{bench.BIN}/pgbench", "-i", "-q", "-s", "5" if bench.QUICK else "40", *connection, "postgres")
    bench.run(f"{bench.BIN}/pg_basebackup", *connection, "-D", f"{path}/data", "-X", "none", "-c", "fast")
    wanted = 24 if bench.QUICK else 64
    before = len(os.listdir(f"{path}/wal"))
    rows = 0
    while len(os.listdir(f"{path}/wal")) < before + wanted:
        bench.run(f"{bench.BIN}/pgbench", "-n", "-c", "4", "-T", "5", *connection, "postgres")
        bench.run(f"{bench.BIN}/psql", *connection, "-qc",
                  f"CREATE TABLE load{rows} AS SELECT id, md5(id::text) FROM generate_series(1, 500000) id")
        rows += 1
    bench.run(f"{bench.BIN}/psql", *connection, "-qc", "CREATE TABLE last_one AS SELECT 1", "-c", "SELECT pg_switch_wal()")
    time.sleep(5)
    bench.stop_cluster(live)


def script(bench, name, text):
    path = f"{bench.ROOM}/bin/{name}"
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def bench_archive_command(bench, hosts, replay):
    names = sorted(name for name in os.listdir(f"{replay}/wal") if len(name) == 24)[-COMMANDS - 1:-1]
    status = f"{bench.ROOM}/wal-queue"
    home = bench.configure("command", backup_method="local-rsync", conninfo="host=none")
    incoming = f"{home}/main/incoming"
    user = bench.USER

    def cold():
        hosts.forget()
        clear()

    def clear():
        shutil.rmtree(f"{home}/main", ignore_errors=True)
        os.makedirs(incoming)
        shutil.rmtree(status, ignore_errors=True)
        os.makedirs(f"{status}/archive_status")
        for path in (f"{home}/main", incoming, status, f"{status}/archive_status"):
            bench.own(path)
        for name in names:
            os.link(f"{replay}/wal/{name}", f"{status}/{name}")
            open(f"{status}/archive_status/{name}.ready", "w").close()
            bench.own(f"{status}/archive_status/{name}.ready")
        os.sync()

    def each(title, command, before=""):
        path = script(bench, f"each-{title}", f"{before}for name in {' '.join(names)}; do\n"
                      f"  {command} || exit 1\n  mv {status}/archive_status/$name.ready {status}/archive_status/$name.done\n"
                      "done\n")

        def run():
            figure = bench.timed(path)
            if not title.startswith("pgbackrest") and sorted(os.listdir(incoming)) != names:
                sys.exit(f"bench: {title} brought {len(os.listdir(incoming))} of {COMMANDS} segments")
            return figure
        return run

    words = f"-U {user} -c {home}/barman.conf"
    ours = f"{bench.ROOM}/bin/barman-wal-archive {words} --state-dir {hosts.state}"
    oracle = f"{os.path.dirname(bench.ORACLE)}/barman-wal-archive"
    # ssh alone: one connection and the cipher that ours takes, a plain write and sync, no checksum.
    bare = (f"ssh -q -T -o Ciphers=^aes128-gcm@openssh.com -o ControlMaster=auto -o ControlPersist=60 "
            f"-o ControlPath={hosts.state}/bare {user}@ours dd bs=1M iflag=fullblock conv=fsync status=none")
    private = f"mkdir -p -m 700 {hosts.state}\n"
    peers = {
        "bare ssh and dd": each("bare", f"{bare} of={incoming}/$name < {status}/$name", private),
        "3.19.1": each("oracle", f"{oracle} {words} theirs main {status}/$name"),
        "rsync": each("rsync", f"rsync -a {status}/$name {user}@ours:{incoming}/$name"),
    }
    if shutil.which("pgbackrest"):
        peers["pgBackRest, local"] = pgbackrest(bench, replay, each, status)
    else:
        print("|   … pgBackRest is not installed: no row for it | | | | | |", flush=True)
    work = f"archive_command over ssh, {COMMANDS} segments"
    one = each("ours", f"{ours} ours main {status}/$name")
    bench.compare(f"{work}, one by one", peers, one, prepare=cold)
    batches = [names[first:first + 8] for first in range(0, COMMANDS, 8)]
    together = script(bench, "bare-batch", private + "".join(
        f"cat {' '.join(f'{status}/{name}' for name in batch)} | {bare} of={incoming}/{batch[0]} || exit 1\n" for batch in batches))
    eight = each("batch", f"{ours} --batch 8 ours main {status}/$name")
    bare_eight = {"bare ssh and dd, 8 files as one": lambda: bench.timed(together)}
    bench.compare(f"{work}, --batch 8", bare_eight, eight, prepare=cold)
    # As it is from the second segment on: the connection is there.
    cold()
    for action in (peers["bare ssh and dd"], one):
        action()
        clear()
    bench.compare(f"{work}, one by one, connected", {"bare ssh and dd": peers["bare ssh and dd"]}, one, prepare=clear)
    bench.compare(f"{work}, --batch 8, connected", bare_eight, eight, prepare=clear)
    cold()


def pgbackrest(bench, replay, each, status):
    repository = f"{bench.ROOM}/pgbackrest"
    options = (f"--stanza=main --pg1-path={replay}/live --repo1-path={repository} --log-level-file=off "
               f"--log-level-console=error --lock-path={repository}/lock")
    port = bench.free_port()

    def create():
        shutil.rmtree(repository, ignore_errors=True)
        os.makedirs(repository)
        bench.own(repository)
        bench.run("pgbackrest", *options.split(), f"--pg1-port={port}", f"--pg1-socket-path={bench.ROOM}", "--no-online",
                  "stanza-create")

    run = each("pgbackrest", f"pgbackrest {options} --compress-type=none archive-push {status}/$name")

    def fresh():
        create()
        os.sync()
        return run()
    return fresh


def bench_replay(bench, hosts, replay):
    home = bench.configure("replay", backup_method="local-rsync", conninfo="host=none")
    wals = f"{home}/main/wals"
    names = sorted(name for name in os.listdir(f"{replay}/wal") if len(name) == 24)
    for folder in (f"{home}/main", wals, f"{home}/main/incoming", f"{home}/main/streaming", f"{wals}/{names[0][:16]}"):
        os.makedirs(folder, exist_ok=True)
        bench.own(folder)
    for name in names:
        os.makedirs(f"{wals}/{name[:16]}", exist_ok=True)
        bench.own(f"{wals}/{name[:16]}")
        shutil.copy2(f"{replay}/wal/{name}", f"{wals}/{name[:16]}/{name}")
        bench.own(f"{wals}/{name[:16]}/{name}")
    target = f"{bench.ROOM}/replayed"
    size = sum(os.path.getsize(f"{replay}/wal/{name}") for name in names) / 1e9
    words = f"-U {bench.USER} -c {home}/barman.conf --spool-dir {bench.ROOM}/wal-spool"
    commands = {
        "local cp": f"cp {replay}/wal/%f %p",
        "3.19.1 -p 8": f"{os.path.dirname(bench.ORACLE)}/barman-wal-restore {words} -p 8 theirs main %f %p",
        "ours": f"{bench.ROOM}/bin/barman-wal-restore {words} --state-dir {hosts.state} -p 8 ours main %f %p",
    }

    def prepare():
        hosts.forget()
        shutil.rmtree(target, ignore_errors=True)
        shutil.rmtree(f"{bench.ROOM}/wal-spool", ignore_errors=True)
        bench.run("cp", "-a", f"{replay}/data", target)
        bench.run("sh", "-c", f"> {target}/recovery.signal")
        os.sync()

    def run(title):
        def measure():
            port = bench.free_port()
            began = time.monotonic()
            bench.started.append(target)
            bench.run(f"{bench.BIN}/pg_ctl", "-D", target, "-w", "-t", "900", "-l", f"{bench.ROOM}/cluster.log", "-o",
                      f"-p {port} -k {bench.ROOM} -c listen_addresses=127.0.0.1 -c archive_mode=off -c max_wal_size=4GB "
                      f"-c hot_standby=off -c 'restore_command={commands[title]}'", "start")
            while "ready to accept" not in bench.run("tail", "-n", "5", f"{bench.ROOM}/cluster.log"):
                time.sleep(0.02)
            seconds = time.monotonic() - began
            known = bench.run(f"{bench.BIN}/psql", "-h", bench.ROOM, "-p", str(port), "-U", "postgres", "-Atc",
                              "SELECT count(*) FROM last_one")
            if known != "1\n":
                sys.exit(f"bench: {title} did not replay everything")
            bench.run(f"{bench.BIN}/pg_ctl", "-D", target, "-m", "immediate", "-w", "stop")
            bench.started.remove(target)
            return seconds, 0
        return measure

    bench.compare(f"replay of {size:.1f} GB of WAL, restore_command over ssh",
                  {title: run(title) for title in commands if title != "ours"}, run("ours"), prepare=prepare)
    shutil.rmtree(target, ignore_errors=True)


def bench_intake(bench):
    """Real segments over and over, each under a name of its own and with the header of that place."""
    wal = bench.once("wal", bench.make_wal)
    originals = [f"{wal}/{name}" for name in sorted(os.listdir(wal)) if len(name) == 24]

    def fill(home, count):
        incoming = f"{home}/main/incoming"
        os.makedirs(incoming)
        os.makedirs(f"{home}/main/wals")
        for path in (f"{home}/main", f"{home}/main/wals", incoming):
            bench.own(path)
        for number in range(1, count + 1):
            path = f"{incoming}/00000001{number // 256:08X}{number % 256:08X}"
            shutil.copyfile(originals[number % len(originals)], path)
            with open(path, "r+b") as file:
                # The page address of xlp_pageaddr (PostgreSQL's xlog_internal.h).
                file.seek(8)
                file.write(struct.pack("<Q", number * SEGMENT_BYTES))
            bench.own(path)
        os.sync()

    for compression in ("gzip", "zstd"):
        rates, peaks = {"3.19.1": [], "ours": []}, []
        for _ in range(bench.RUNS):
            for name, program, count in (("3.19.1", bench.ORACLE, SAMPLE), ("ours", bench.OURS, WAITING)):
                home = bench.configure("intake", compression=compression, backup_method="local-rsync", conninfo="host=none")
                fill(home, count)
                seconds, peak = bench.timed(program, "-q", "-c", f"{home}/barman.conf", "archive-wal", "main")
                with open(f"{home}/main/wals/main-xlog.db") as lines:
                    listed = len(lines.readlines())
                if listed != count or os.listdir(f"{home}/main/incoming"):
                    sys.exit(f"bench: {name} archived {listed} of {count} segments")
                rates[name].append(count / seconds)
                if name == "ours":
                    peaks.append(peak)
        theirs, ours = statistics.median(rates["3.19.1"]), statistics.median(rates["ours"])
        print(f"| intake of {WAITING} waiting segments, {compression} | 3.19.1 {theirs:.1f}/s (of {SAMPLE}) | {ours:.1f}/s | "
              f"{ours / theirs:.1f} (more is better) | {max(peaks):.0f} MiB | |", flush=True)


def bench_client_start(bench):
    source = f"{bench.ROOM}/hello.c"
    with open(source, "w") as file:
        file.write('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    subprocess.run(["cc", "-O2", "-o", f"{bench.ROOM}/bin/hello", source], check=True)
    hundred = {name: script(bench, f"hundred-{name}", f"i=0; while [ $i -lt {count} ]; do {program} >/dev/null; i=$((i+1)); done\n")
               for name, program, count in (
                   ("hello", f"{bench.ROOM}/bin/hello", 100),
                   ("oracle", f"{os.path.dirname(bench.ORACLE)}/barman-wal-restore --version", 10),
                   ("ours", f"{bench.ROOM}/bin/barman-wal-restore --version", 100))}

    def oracle():
        seconds, peak = bench.timed(hundred["oracle"])
        return seconds * 10, peak

    bench.compare("start of the WAL client, a hundred", {"C hello": lambda: bench.timed(hundred["hello"]), "3.19.1 (ten, times 10)": oracle},
                  lambda: bench.timed(hundred["ours"]))


def run(bench):
    works = os.environ.get("BENCH_WAL", "start command replay intake").split()
    for name in ("barman-wal-archive", "barman-wal-restore"):
        shutil.copy(os.path.realpath(f"{bench.REPOSITORY}/dist/bin/{name}"), f"{bench.ROOM}/bin/{name}")
    if "start" in works:
        bench_client_start(bench)
    if "intake" in works:
        bench_intake(bench)
    if not {"command", "replay"} & set(works):
        return
    replay = bench.once("replay", lambda path: make_replay(bench, path))
    hosts = Hosts(bench)
    try:
        if "command" in works:
            bench_archive_command(bench, hosts, replay)
        if "replay" in works:
            bench_replay(bench, hosts, replay)
    finally:
        hosts.forget()
