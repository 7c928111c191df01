"""The oracle, asked often: its modules are loaded once, and each command runs in a fork of that process.

Starting it takes a third of a second, nearly all of it for imports; a fork takes a fiftieth. Nothing of the oracle is called but the script
that was installed for its command line. This file is three programs: the harness uses `Oracle`; `oracle.py serve` is the process that
forks; `oracle.py call` stands in for the interpreter where the oracle starts itself again (`cron`), and asks the same process.
"""

import json
import os
import shutil
import socket
import sys


class Oracle:
    """A running server of answers; `stop` ends it."""

    def __init__(self, program, environment):
        import subprocess
        import tempfile

        self.program = program
        # Only this account may reach the socket. The name is short, as names of sockets must be.
        self.directory = tempfile.mkdtemp(prefix="oracle-")
        self.address = f"{self.directory}/socket"
        with open(program) as file:
            interpreter = file.readline().removeprefix("#!").strip()
        ready, ready_write = os.pipe()
        command = [interpreter, os.path.abspath(__file__), "serve", self.address, program, str(ready_write)]
        # Its end of the pipe on standard input is how the server learns that we are gone.
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, pass_fds=[ready_write], cwd="/")
        os.close(ready_write)
        with open(ready, "rb") as file:
            if file.read() != b"ready":
                raise SystemExit(f"the oracle does not start: {program}")

    def ask(self, words, environment, timeout):
        """Standard output, standard error and exit status of one command; raises TimeoutError."""
        out, err = os.memfd_create("out"), os.memfd_create("err")
        with open("/dev/null", "rb") as nothing, open(out, "rb") as out_file, open(err, "rb") as err_file:
            status = call(self.address, [self.program] + words, environment, "/", [nothing.fileno(), out, err], timeout)
            texts = []
            for file in (out_file, err_file):
                file.seek(0)
                texts.append(file.read())
        return *texts, status

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.directory)


def call(address, words, environment, directory, descriptors, timeout=None):
    """Has one command run on these three descriptors; its exit status, or 255 when it died."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        request = json.dumps({"words": words, "environment": environment, "directory": directory}).encode()
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], descriptors)
        connection.sendall(request)
        connection.settimeout(timeout)
        answer = {}
        try:
            for line in connection.makefile("r"):
                answer.update(json.loads(line))
        except TimeoutError:
            os.killpg(answer["pid"], 9)
            raise
        return answer.get("status", 255)


def serve(address, program, ready=None):
    """Forks for each command until it is killed; with `ready`, a descriptor to say so on, until standard input ends."""
    import runpy
    import select
    import signal

    caller = f"{os.path.dirname(address)}/call"
    with open(caller, "w") as file:
        file.write(f'#!/bin/sh\nexec {sys.executable} -I -S {os.path.abspath(__file__)} call {address} "$@"\n')
    os.chmod(caller, 0o700)
    listener = socket.socket(socket.AF_UNIX)
    # Under its name it can be called.
    listener.bind(f"{address}.new")
    listener.listen(64)
    os.rename(f"{address}.new", address)
    sys.path[0] = os.path.dirname(program)
    # Not as `__main__`: this only imports what the command line begins with.
    runpy.run_path(program, run_name="loaded")
    # Forks are not waited for: each tells its status on its own connection.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    imports, imports_write = os.pipe()
    watched = [listener, imports]
    if ready is not None:
        watched.append(0)
        os.write(ready, b"ready")
        os.close(ready)
    while True:
        readable = select.select(watched, [], [])[0]
        if 0 in readable:
            return
        if imports in readable:
            load(os.read(imports, 1 << 16).decode().split())
        if listener in readable:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                os.close(imports)
                run(connection, caller, imports_write)
            connection.close()


def load(names):
    """What a command imported late is there from the start for those after it."""
    import importlib

    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            pass


def run(connection, caller, imports):
    """In the fork: becomes the process that the caller wanted, and ends."""
    import atexit
    import runpy
    import signal
    import threading
    import time

    head, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    request, length = b"", int.from_bytes(head, "big")
    while len(request) < length:
        request += connection.recv(length - len(request))
    request = json.loads(request)
    os.setpgid(0, 0)
    connection.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["directory"])
    sys.argv = request["words"]
    if "cron" in sys.argv:
        # The interpreter it starts itself with again. Other commands tell its name.
        sys.executable = caller
    known = set(sys.modules)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if status == 1 and end.code not in (1, True):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = 120
    late = " ".join(sorted(set(sys.modules) - known - {"__main__"}))
    if late and len(late) < 4096:
        os.write(imports, late.encode() + b" ")
    connection.sendall(json.dumps({"status": status & 255}).encode() + b"\n")
    os._exit(status & 255)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:4], *map(int, sys.argv[4:]))
    else:
        sys.exit(call(sys.argv[2], sys.argv[3:], dict(os.environ), os.getcwd(), [0, 1, 2]))
