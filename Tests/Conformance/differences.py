"""The listed differences between two answers. Each rule has the title of its entry in `docs/differences.md`.

A rule takes out of a pair of answers what its entry explains, and nothing else: what remains is compared.
"""

import json
import re

import continuity
from compare import is_json


def without_extra_rows(answer, other, inactive, is_json):
    """Entry: `check SERVER` on an inactive server. Rows about one that only `answer` has are dropped from it."""
    if is_json:
        try:
            value, known = json.loads(answer), json.loads(other)
        except ValueError:
            return answer
        for name in inactive & value.keys() & known.keys():
            value[name] = {label: row for label, row in value[name].items() if label in known[name]}
        return json.dumps(value)
    known, server = set(), None
    for line in other.split("\n"):
        server = line if line.startswith("Server ") else server
        known.add((server, line.split(": ")[0]))
    kept, server = [], None
    for line in answer.split("\n"):
        server = line if line.startswith("Server ") else server
        if not (server or "").endswith(" (inactive):") or (server, line.split(": ")[0]) in known:
            kept.append(line)
    return "\n".join(kept)


def has_failed_row(answer, is_json):
    if is_json:
        return '"status": "FAILED"' in answer
    return re.search(r"^\t[^\t].*: FAILED", answer, re.M) is not None


def settle(question, oracle, ours):
    """Takes what listed defects explain out of a pair of answers, and nothing else; returns the titles of the entries."""
    titles = []
    for title, apply in RULES:
        before = (oracle.out, oracle.err, oracle.status, ours.out, ours.err, ours.status)
        apply(question, oracle, ours)
        if before != (oracle.out, oracle.err, oracle.status, ours.out, ours.err, ours.status):
            titles.append(title)
    return titles


def inactive_servers(home):
    return {server.name for server in home.servers if server.kind == "inactive" or server.options.get("active")}


def settle_inactive(question, oracle, ours):
    inactive = inactive_servers(oracle.home)
    if question.command != "check" or not inactive:
        return
    if "--nagios" in question.words:
        settle_nagios(oracle, ours, breaks_off=False)
    elif ours.status == 1 and has_failed_row(ours.out, is_json(question)):
        ours.out = without_extra_rows(ours.out, oracle.out, inactive, is_json(question))
        if is_json(question) and oracle.out.startswith("{"):
            oracle.out = json.dumps(json.loads(oracle.out))
        if oracle.status == 0:
            ours.status = 0


class Nagios:
    """What `check --nagios` says about each server: the names of what failed, the lines about it, and the sizes."""

    def __init__(self, text, names):
        first, *lines = text.split("\n")
        summary, _, sizes = first.partition("|")
        parts = summary.split(" * ")[1:]
        self.servers, self.has_sizes = {}, bool(sizes)
        for name in names:
            failed = [part.removeprefix(f"{name} FAILED: ").split(", ") for part in parts if part.startswith(f"{name} FAILED: ")]
            size = re.search(rf"(?:^| ){re.escape(name)}=(\S+)", sizes), re.search(rf"(?:^| ){re.escape(name)}_wals=(\S+)", sizes)
            rows = [line for line in lines if line.startswith(f"{name}.")]
            self.servers[name] = (failed[0] if failed else [], rows, [found and found[1] for found in size])

    def is_silent(self, name):
        return self.servers[name] == ([], [], [None, None])


def is_part(part, whole):
    """Whether all of one list stands in the other, in that order."""
    rest = iter(whole)
    return all(item in rest for item in part)


def settle_nagios(oracle, ours, breaks_off):
    """Of an inactive server we may say more. Where the reference breaks off, it says the first things, and nothing of the servers after it."""
    names = sorted(server.name for server in oracle.home.servers)
    inactive = inactive_servers(oracle.home)
    theirs, mine = (Nagios(answer.out, names) for answer in (oracle, ours))
    has_broken_off = False
    for name in names:
        (failed, rows, sizes), (my_failed, my_rows, my_sizes) = theirs.servers[name], mine.servers[name]
        if not theirs.has_sizes or not mine.has_sizes:
            # The reference has none to tell when it breaks off with an error, and nobody when no server is good.
            sizes = my_sizes
        if has_broken_off:
            if not theirs.is_silent(name):
                return
        elif name in inactive and is_part(failed, my_failed) and is_part(rows, my_rows) and sizes == my_sizes:
            continue
        elif (failed, rows, sizes) != mine.servers[name]:
            begins = my_failed[: len(failed)] == failed and my_rows[: len(rows)] == rows and all(size in (None, mine) for size, mine in zip(sizes, my_sizes))
            if not breaks_off or not begins:
                return
            # Where it breaks off with an error, so do we, and say so in a row.
            has_broken_off = True
    # An inactive server that fails alone is an issue for us, and nothing to speak of for the reference.
    if ours.status == oracle.status or ours.status == 2 and not any(failed for failed, _, _ in theirs.servers.values()):
        oracle.out, oracle.status = ours.out, ours.status


def settle_broken_off(question, oracle, ours, damaged=frozenset()):
    """For an answer that the reference breaks off: it is the beginning of ours.

    `damaged` are the servers at which it breaks off, somewhere amid what it says about them.
    """
    if is_json(question):
        same = is_json_beginning(oracle.out, ours.out, damaged)
    else:
        theirs, mine = (without_servers(answer.out, damaged) for answer in (oracle, ours))
        warnings = [[line for line in answer.err.split("\n") if line.startswith("WARNING: ")] for answer in (oracle, ours)]
        same = mine.startswith(theirs) and is_part(*warnings)
    if same and oracle.status == ours.status == 1:
        oracle.out, oracle.err, oracle.status = ours.out, ours.err, ours.status


def is_json_beginning(theirs, mine, damaged):
    try:
        theirs, mine = json.loads(theirs), json.loads(mine)
    except ValueError:
        return False
    for key in ("_EXCEPTION", "_ERROR", "_INFO", *damaged):
        theirs.pop(key, None), mine.pop(key, None)
    servers = sorted(key for key in mine if key != "_WARNING")
    told = sorted(key for key in theirs if key != "_WARNING")
    if told != servers[: len(told)] or not is_part(theirs.get("_WARNING", []), mine.get("_WARNING", [])):
        return False
    # The server at which it broke off has lost its last rows.
    return all(mine[name] == theirs[name] or (name == told[-1] and lacks_rows(theirs[name], mine[name])) for name in told)


def lacks_rows(part, whole):
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(whole.get(key) == value for key, value in part.items())
    return isinstance(part, list) and isinstance(whole, list) and whole[: len(part)] == part


def without_servers(text, names):
    """The text without what is told below the heading of these servers, and without the lines that begin with their names."""
    heading = re.compile(r"Server (.*?)(?: \((?:inactive|WARNING: disabled)\))?:\n")
    parts = [part for part in re.split(r"(?m)^(?=Server )", text) if not ((found := heading.match(part)) and found[1] in names)]
    return "".join(line for line in "".join(parts).splitlines(True) if not line.startswith(tuple(f"{name} " for name in names)))


def with_trait(home, trait):
    return {server.name for server in home.servers if trait in server.traits}


def settle_continuity(question, oracle, ours):
    """The row and the line that name missing WAL are ours alone; they must say what the files of the home say."""
    if question.command not in ("check", "status") or question.words[-1] == "nosuch":
        return
    for server in oracle.home.servers:
        names, ends_newest = continuity.missing(f"{ours.root}/home/{server.name}")
        if question.command == "status":
            row = MissingRow("missing_wal", "Missing WAL segments", {"description": "Missing WAL segments", "message": names}, names)
        else:
            hint = f"missing: {names}; recovery ends there until there is another backup" if ends_newest else f"WARNING: missing: {names}"
            state = "FAILED" if ends_newest else "OK"
            row = MissingRow("wal_continuity", "WAL continuity", {"hint": hint, "status": state}, f"{state} ({hint})")
        if names:
            row.take_out(server.name, question, ours)
    if question.command == "check" and oracle.status == 0 and ours.status == 1 and not has_failed_row(ours.out, is_json(question)):
        ours.status = 0


class MissingRow:
    """A row about missing WAL as it has to be, in the three forms."""

    def __init__(self, key, label, value, text):
        self.key, self.label, self.value, self.text = key, label, value, text

    def take_out(self, server, question, answer):
        """Takes the row out of an answer; one that says anything else stays, and shows as a difference."""
        if "--nagios" in question.words:
            line = f"\n{server}.{self.label}: {self.text}\n"
            # Rows that do not fail are not told.
            if line in answer.out + "\n":
                answer.out = (answer.out + "\n").replace(line, "\n")[:-1]
                part = rf"( \* {re.escape(server)} FAILED: )"
                answer.out = re.sub(rf"{part}([^*|]*, )?{self.label}, ", r"\1\2", answer.out)
                answer.out = re.sub(rf"{part}([^*|]*), {self.label}(?=[|]| \*)", r"\1\2", answer.out)
                answer.out = re.sub(rf"{part}{self.label}(?=[|]| \*)", "", answer.out)
        elif is_json(question):
            document = json.loads(answer.out)
            if document.get(server, {}).get(self.key) == self.value:
                del document[server][self.key]
                answer.out = json.dumps(document)
        else:
            parts = re.split(r"(?m)^(?=Server )", answer.out)
            heading = re.compile(rf"Server {re.escape(server)}(?: \(.*\))?:\n")
            answer.out = "".join(part.replace(f"\t{self.label}: {self.text}\n", "", 1) if heading.match(part) else part for part in parts)


def settle_clients(question, oracle, ours):
    """The copy is made by this program: the row about the versions names no client."""
    if question.command == "check":
        oracle.out = re.sub(r"(\(|\")(PostgreSQL version: [^,\"\n]*, pg_basebackup version: )[^)\"]*(?=\)|\")", r"\1\2built-in", oracle.out)


def settle_quoted_password(question, oracle, ours):
    """The reference masks from a password in quotes to the last quote of all it says: the document is none any more."""
    mark = "password=*REDACTED*"
    if question.command != "diagnose" or is_json(question) or is_document(oracle.raw_out) or not is_document(ours.raw_out):
        return
    theirs, mine = (plain_diagnosis(answer) for answer in (oracle, ours))
    for found in re.finditer(re.escape(mark), theirs):
        before, after = theirs[: found.end()], theirs[found.end():]
        if mine.startswith(before) and mine.endswith(after) and len(mine) > len(theirs):
            oracle.out = ours.out


def is_document(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False


def plain_diagnosis(answer):
    """The text of `diagnose` without what differs from run to run, as `compare.diagnosis` has it for a document."""
    text = re.sub(r'(?m)^ *"(python_executable|python_ver|ssh_ver|timestamp)": .*\n', "", answer.raw_out.replace(answer.root, "/ROOT"))
    return re.sub(r'("(?:backup|recovery)_options": ")([^"]*)', lambda found: found[1] + ",".join(sorted(found[2].split(","))), text)


OWN_COMMANDS = ["drill", "retention", "serve-wal", "setup"]
OWN_OPTIONS = ["--dry-run", "--explain", "--plan"]


def settle_usage(question, oracle, ours):
    """Our own commands and options stand in the usage of ours; where lines are broken depends on them."""
    if oracle.status == ours.status == 2 and "error: " in ours.err:
        for command in OWN_COMMANDS:
            ours.err = re.sub(rf"(?<=,){command},|, '{command}'", "", ours.err)
        for option in OWN_OPTIONS:
            ours.err = ours.err.replace(f" [{option}]", "")
        oracle.err, ours.err = (" ".join(answer.err.split()) for answer in (oracle, ours))


def settle_unknown_key(question, oracle, ours):
    damaged = with_trait(oracle.home, "unknown-key")
    if damaged and question.command == "check" and "--nagios" in question.words:
        settle_nagios(oracle, ours, breaks_off=True)
    if "Unsupported field" in oracle.raw_err + oracle.raw_out and "Unsupported field" in ours.raw_err + ours.raw_out and ours.status == 1:
        settle_broken_off(question, oracle, ours, damaged)


def settle_missing_list(question, oracle, ours):
    """The row fails with the reference until another command has made the list; we make it first."""
    if question.command != "check":
        return
    text, key = "\tWAL archive: FAILED (please make sure WAL shipping is setup)\n", "wal_archive"
    if "--nagios" in question.words:
        return
    if is_json(question) and key in oracle.out:
        theirs, mine = json.loads(oracle.out), json.loads(ours.out)
        for name, rows in theirs.items():
            if isinstance(rows, dict) and key in rows and key not in mine.get(name, {}) and lists_are_missing(oracle.home, name):
                del rows[key]
        oracle.out, ours.out = json.dumps(theirs), json.dumps(mine)
    elif text in oracle.out:
        sections = re.split(r"(?m)^(?=Server )", oracle.out)
        mine = re.split(r"(?m)^(?=Server )", ours.out)
        for index, section in enumerate(sections):
            name = re.sub(r"^Server (.*?)(?: \((?:inactive|WARNING: disabled)\))?:\n.*", r"\1", section, flags=re.S)
            if lists_are_missing(oracle.home, name) and index < len(mine) and text not in mine[index]:
                sections[index] = section.replace(text, "")
        oracle.out = "".join(sections)
    has_broken_off = oracle.err or '"_ERROR": [' in oracle.out or '"_EXCEPTION": [' in oracle.out
    if not has_failed_row(oracle.out, is_json(question)) and oracle.status == 1 and not has_broken_off:
        oracle.status = 0


def settle_missing_list_nagios(question, oracle, ours):
    if question.command == "check" and "--nagios" in question.words and "WAL archive" in oracle.out:
        for server in oracle.home.servers:
            if lists_are_missing(oracle.home, server.name) and f"{server.name}.WAL archive: FAILED" not in ours.out:
                oracle.out = oracle.out.replace(f"{server.name}.WAL archive: FAILED (please make sure WAL shipping is setup)\n", "")
                oracle.out = oracle.out.replace(f"{server.name} FAILED: WAL archive, ", f"{server.name} FAILED: ")


def lists_are_missing(home, name):
    return any(server.name == name and server.traits & {"xlogdb-missing", "xlogdb-old"} for server in home.servers)


def settle_local_rsync(question, oracle, ours):
    if question.command == "check" and ("EXCEPTION: \nSee log" in oracle.err or '"_EXCEPTION": ["\\nSee log' in oracle.out):
        settle_broken_off(question, oracle, ours)
    is_nagios = question.command == "check" and "--nagios" in question.words
    if is_nagios and any(server.options.get("backup_method") == "local-rsync" for server in oracle.home.servers):
        settle_nagios(oracle, ours, breaks_off=True)


def settle_damaged_list(question, oracle, ours):
    damaged = with_trait(oracle.home, "xlogdb-damaged")
    if question.command == "check" and "BadXlogSegmentName" in oracle.raw_out + oracle.raw_err and ours.status == 1:
        settle_broken_off(question, oracle, ours, damaged)
    if damaged and question.command == "check" and "--nagios" in question.words:
        settle_nagios(oracle, ours, breaks_off=True)
    if "--minimal" in question.words and question.command.startswith("list-backup") and "BadXlogSegmentName" in oracle.raw_out + oracle.raw_err:
        if is_json(question):
            oracle.out = json.dumps({key: value for key, value in json.loads(oracle.out).items() if key != "_ERROR"})
            ours.out = json.dumps(json.loads(ours.out))
        oracle.err = re.sub(r"(?m)^(ERROR: invalid WAL segment name .*|HINT: .*)\n", "", oracle.err)
        oracle.status = 0


def settle_files_without_begin(question, oracle, ours):
    if question.command == "list-files" and "expected str, bytes or os.PathLike object, not NoneType" in oracle.raw_out + oracle.raw_err:
        # We list what the reference lists before it breaks down, and go on.
        listed, mine = (set(files_of(answer, is_json(question))) for answer in (oracle, ours))
        oracle.err = re.sub(r"EXCEPTION: expected str, bytes.*\n.*\n", "", oracle.err)
        if listed <= mine and ours.status == 0 and oracle.err == ours.err:
            oracle.out, oracle.status = ours.out, 0


def settle_check_without_begin(question, oracle, ours):
    text = "'NoneType' object is not subscriptable\nSee log file for more details."
    if question.command == "check-backup" and ours.status == 0 and oracle.status == 1:
        if is_json(question) and text in json.loads(oracle.out).get("_EXCEPTION", []):
            answer = json.loads(oracle.out)
            del answer["_EXCEPTION"]
            oracle.out, ours.out, oracle.status = json.dumps(answer), json.dumps(json.loads(ours.out)), 0
        elif f"EXCEPTION: {text}\n" in oracle.err:
            oracle.err, oracle.status = oracle.err.replace(f"EXCEPTION: {text}\n", ""), 0


def files_of(answer, is_json):
    return json.loads(answer.out).get("_INFO", []) if is_json else answer.out.split("\n")


def settle_parameter(question, oracle, ours):
    lost = r"ERROR: Parameter \"\w+\" is required in \[.*\] section\.\n"
    if is_json(question) and oracle.status == ours.status == 1 and re.fullmatch(f"(?s).*{lost}.*", ours.err):
        ours.err = re.sub(lost, "", ours.err)


def settle_chains(question, oracle, ours):
    """What is deleted is the same, in another order; the tree is compared afterwards."""
    warning = r"WARNING: Backup \S+ has incremental backups which depend on it\. Deleting all backups in the tree\n"
    if question.command == "cron" and re.search(warning, ours.err):
        for answer in (oracle, ours):
            steps = ("Enforcing retention policy: ", "Deleting backup ", "Delete associated WAL segments:")
            answer.out = "\n".join(sorted(line for line in answer.out.split("\n") if not line.startswith(steps)))
            answer.err = re.sub(warning, "", answer.err)


def settle_missing_ssh(question, oracle, ours):
    """The reference asks a shell to run the command, which says in its own words that there is no such program."""
    if question.command == "cron":
        shell = r"(sync-info execution on remote primary server .* failed: )/bin/sh: \d+: (.*): not found\n"
        oracle.err = re.sub(shell, r"\1[Errno 2] No such file or directory: '\2'\n", oracle.err)


# What an answer lacks because the reference broke off is judged last.
RULES = [
    ("`setup`, `serve-wal`, `check --explain`", settle_usage),
    ("`backup_method = postgres`", settle_clients),
    ("a password at the end of a value, or in single quotes", settle_quoted_password),
    ("WAL that is missing since the first backup", settle_continuity),
    ("`cron` deletes an obsolete backup with incremental ones", settle_chains),
    ("`primary_ssh_command`", settle_missing_ssh),
    ("a model without `cluster`, in JSON", settle_parameter),
    ("`check` of a server whose `xlog.db` is missing", settle_missing_list),
    ("`check` of a server whose `xlog.db` is missing", settle_missing_list_nagios),
    ("`check SERVER` on an inactive server", settle_inactive),
    ("an unknown key in a backup.info", settle_unknown_key),
    ("`check` of a local-rsync server that can not be reached", settle_local_rsync),
    ("a damaged line in `xlog.db`", settle_damaged_list),
    ("`check-backup` of a backup without begin_wal", settle_check_without_begin),
    ("`list-files` of a backup without begin_wal", settle_files_without_begin),
]


def may_differ(path, values, home):
    """Entries: `check` of a server whose `xlog.db` is missing (the two programs rebuild it in different commands); META when it is empty."""
    # What is in it is a path of its own.
    if path.endswith("/meta") and values == [None, "directory"]:
        return True
    ends_early = any(server.options.get("backup_method") == "local-rsync" and server.kind != "passive" for server in home.servers)
    if (home.has("xlogdb-damaged") or home.has("unknown-key") or ends_early) and path.endswith(("/base", "/meta", "/errors", "/incoming", "/streaming", "/wals")):
        # `check` of the oracle ends at such a server, and makes no directories for the servers after it.
        return None in values and "directory" in values
    for server in home.servers:
        if server.traits & {"xlogdb-missing", "xlogdb-old"} and path in (f"{server.name}/wals/{server.name}-xlog.db", f"{server.name}/wals/xlog.db"):
            return None in values
    return False
