"""WAL received by streaming replication beside pg_receivewal: sections `receive` and `synchronous`.

`works(bench)` returns the sections; `bench` is the module with the helpers. The server does not sync what it writes, so that what is
measured is the receiver; nothing is compressed. Each run has a new slot and an empty directory.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

MEGABYTES = 256 if os.environ.get("BENCH_QUICK") == "1" else 1024
# Of each client: several share one flush, and are done with the same number much faster.
COMMITS = 400 if os.environ.get("BENCH_QUICK") == "1" else 2000
NAME = "barman_receive_wal"


def works(bench):
    return {"receive": lambda: receive(bench), "synchronous": lambda: synchronous(bench)}


class Server:
    """A small running cluster."""

    def __init__(self, bench, *options):
        self.bench = bench
        self.port = bench.free_port()
        self.data = bench.once("receiver-cluster", lambda path: bench.run(
            f"{bench.BIN}/initdb", "-D", path, "-A", "trust", "-U", "postgres"))
        # The large max_wal_size keeps checkpoints out of the measurement.
        bench.start_cluster(self.data, self.port, "-c fsync=off -c wal_level=replica -c max_wal_size=16GB", *options)
        # Without waiting for a receiver that is not there yet.
        self.sql("SET synchronous_commit = local; CREATE TABLE IF NOT EXISTS commits (number integer)")

    def connection(self):
        return ["-h", self.bench.ROOM, "-p", str(self.port), "-U", "postgres"]

    def sql(self, statement):
        return self.bench.run(f"{self.bench.BIN}/psql", "-X", "-A", "-t", "-q", *self.connection(), "-d", "postgres", "-c",
                              statement).strip()

    def stop(self):
        self.bench.stop_cluster(self.data)


class Receiver:
    """A running receiver, ours or pg_receivewal, in an empty directory."""

    def __init__(self, server, program, synchronous):
        self.bench, self.server, bench = server.bench, server, server.bench
        server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        server.sql("CHECKPOINT")
        address = f"host={bench.ROOM} port={server.port} user=postgres"
        if program == "ours":
            home = bench.configure("receiver", backup_method="local-rsync", streaming_archiver="on", slot_name="bench",
                                   create_slot="auto", conninfo=f"{address} dbname=postgres", streaming_conninfo=address)
            command = [bench.OURS, "-c", f"{home}/barman.conf", "receive-wal", "main"]
        else:
            directory = f"{bench.ROOM}/homes/pg_receivewal"
            shutil.rmtree(directory, ignore_errors=True)
            os.makedirs(directory)
            bench.own(f"{bench.ROOM}/homes")
            bench.own(directory)
            server.sql("SELECT pg_create_physical_replication_slot('bench')")
            command = [f"{bench.BIN}/pg_receivewal", "--no-loop", "-D", directory, "--slot=bench",
                       "-d", f"{address} application_name={NAME}", *(["--synchronous"] if synchronous else [])]
        os.sync()
        self.output = open(f"{bench.ROOM}/receiver-output", "w+")
        self.process = subprocess.Popen(command, cwd=bench.ROOM, env=bench.environment(), preexec_fn=bench.as_user,
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)
        bench.started.append(self.process)
        self.wait(f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{NAME}' AND state = 'streaming'", "1")

    def wait(self, question, answer):
        for _ in range(6000):
            if self.process.poll() is not None:
                self.output.seek(0)
                sys.exit(f"bench: the receiver ended:\n{self.output.read()}")
            if self.server.sql(question) == answer:
                return
            time.sleep(0.01)
        sys.exit(f"bench: the receiver does not get there: {question}")

    def stop(self):
        """Ends it; returns its CPU seconds and peak MiB."""
        self.process.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        self.bench.started.remove(self.process)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def receive(bench):
    """A gigabyte of WAL at the speed of the server."""
    server = Server(bench)
    cpu, lags = {"pg_receivewal": [], "ours": []}, {"pg_receivewal": [], "ours": []}

    def run(program):
        receiver = Receiver(server, program, synchronous=False)
        lag, done = [0], threading.Event()

        def watch():
            while not done.wait(0.1):
                text = server.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), write_lsn) FROM pg_stat_replication")
                lag.append(float(text or 0) / 1e6)

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.monotonic()
        server.sql(f"SELECT count(pg_logical_emit_message(false, 'bench', repeat('x', 8100))) "
                   f"FROM generate_series(1, {MEGABYTES * 1024 * 1024 // 8192})")
        target = server.sql("SELECT pg_current_wal_lsn()")
        receiver.wait(f"SELECT write_lsn >= '{target}' FROM pg_stat_replication", "t")
        seconds = time.monotonic() - began
        done.set()
        watcher.join()
        used, peak = receiver.stop()
        cpu[program].append(used)
        lags[program].append(max(lag))
        return seconds, peak

    bench.compare(f"receive {MEGABYTES} MiB of WAL at full speed", {"pg_receivewal": lambda: run("pg_receivewal")},
                  lambda: run("ours"))
    theirs, ours = (bench.statistics.median(cpu[name]) for name in ("pg_receivewal", "ours"))
    print(f"|   … CPU seconds of the receiver | pg_receivewal {theirs:.2f} s | {ours:.2f} s | {ours / theirs:.2f} | | "
          "ours archives as well |", flush=True)
    theirs, ours = (bench.statistics.median(lags[name]) for name in ("pg_receivewal", "ours"))
    print(f"|   … largest lag seen | {theirs:.0f} MB | {ours:.0f} MB | | | |", flush=True)
    server.stop()


def synchronous(bench):
    """Commits that wait for the receiver."""
    server = Server(bench, f"-c synchronous_standby_names={NAME}", "-c synchronous_commit=on")
    os.makedirs(f"{bench.ROOM}/bin", exist_ok=True)
    with open(f"{bench.ROOM}/bin/commit.sql", "w") as file:
        file.write("INSERT INTO commits VALUES (1);\n")

    for clients in (1, 8):
        def run(program):
            receiver = Receiver(server, program, synchronous=True)
            seconds, _ = bench.timed(f"{bench.BIN}/pgbench", "-n", "-c", str(clients), "-j", "2", "-t",
                                     str(COMMITS), "-f", f"{bench.ROOM}/bin/commit.sql", *server.connection(),
                                     "postgres")
            return seconds, receiver.stop()[1]

        figures = bench.compare(f"{clients * COMMITS} commits that wait for the receiver, {clients} client(s)",
                                {"pg_receivewal --synchronous": lambda: run("pg_receivewal")}, lambda: run("ours"))
        theirs, ours = figures["pg_receivewal --synchronous"], figures["ours"]
        print(f"|   … commits per second | {clients * COMMITS / theirs:.0f} | {clients * COMMITS / ours:.0f} | {theirs / ours:.2f} "
              "(more is better) | | |", flush=True)
    server.stop()
