"""What may differ between two answers. Each rule names its entry in `docs/differences.md`, or why no two runs agree on it."""

import json
import re

DURATION = r"(?:(?:\d+ (?:day|hour|minute|second)s?(?:, )?)+|less than one second)"


def without_moments(text):
    """Ages and elapsed times grow between the two runs."""
    text = re.sub(rf"(latest (?:backup|wal) age: ){DURATION}", r"\1AGE", text)
    text = re.sub(rf"(latest backup: |WARNING! latest backup is ){DURATION}", r"\1AGE", text)
    text = re.sub(rf"(Deleted backup \S+ \(start time: )[^,]*, elapsed time: {DURATION}", r"\1AGE", text)
    return text


def with_sorted_errors(text):
    """The counts of `archiver errors` stand in the order of directory entries (reference, section 4, row 37)."""
    kind = r"(?:not relevant|duplicates|unknown failure|unknown): \d+"
    return re.sub(rf"{kind}(?:, {kind})+", lambda found: ", ".join(sorted(found.group().split(", "))), text)


def sorted_paths(text, is_json):
    """The order of subdirectories is that of the file system, which differs between two copies."""
    if is_json:
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        if isinstance(answer.get("_INFO"), list):
            answer["_INFO"].sort()
        return json.dumps(answer)
    return "\n".join(sorted(text.split("\n")))


def without_dump(text, is_json):
    """Entry: `delete` refused."""
    if is_json:
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        for key in ("_ERROR", "_WARNING"):
            answer[key] = [re.sub(r"Cannot delete backup \(.*", "Cannot delete backup (", line, flags=re.S) for line in answer.get(key, [])]
        return json.dumps(answer)
    return re.sub(r"Cannot delete backup \([^\n]*", "Cannot delete backup (", text)


def masked(text):
    """Entry: passwords in JSON output and in the log."""
    return re.sub(r"password=(?!\*REDACTED)[^ \"']+", "password=*REDACTED*", text)


def with_line_ends(text):
    """Entry: a password at the end of a value."""
    return text.replace("*REDACTED*\t", "*REDACTED*\n\t")


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


def nagios_parts(text, inactive):
    """Entry: `check SERVER` on an inactive server. The summary without them, and without the numbers that count them."""
    lines = text.split("\n")
    summary, _, performance = lines[0].partition("|")
    parts = [part for part in re.split(r" \* ", summary) if part.split(" FAILED: ")[0] not in inactive]
    if " have issues" in parts[0] or " has issues" in parts[0]:
        parts[0] = parts[0].split(" - ")[0]
    parts = [part for part in parts if not part.startswith("IGNORING: ")]
    details = [line for line in lines[1:] if not any(line.startswith(f"{name}.") for name in inactive)]
    return "\n".join(parts + [performance] + details)


def diagnosis(text, is_json):
    """Entry: `diagnose`. Sets are told in the order of their hashes; the moment is now."""
    try:
        value = json.loads(text)
        document = json.loads(value["_INFO"][-1]) if is_json else value
    except (ValueError, KeyError, IndexError):
        return text

    def walk(part):
        for key in ("python_executable", "python_ver", "ssh_ver", "timestamp"):
            part.pop(key, None)
        for key in [key for key in part if key.startswith(CLIENTS)]:
            del part[key]
        for key, inner in part.items():
            if key in ("backup_options", "recovery_options"):
                words = inner["value"] if isinstance(inner, dict) else inner
                words = ",".join(sorted((words or "").split(",")))
                part[key] = dict(inner, value=words) if isinstance(inner, dict) else words
            elif isinstance(inner, dict):
                walk(inner)

    walk(document)
    if is_json:
        value["_INFO"][-1] = "…"
        return json.dumps(value) + masked(json.dumps(document, indent=1))
    # Four blanks, sorted keys: the form counts as well as the content.
    form = text == json.dumps(json.loads(text), indent=4, sort_keys=True) + "\n"
    return f"{form}\n" + json.dumps(document, indent=1)


def usage(text):
    """The wording of the usage block and of lists of choices is the argument parser's (reference, 1.1)."""
    last = text.rstrip("\n").split("\n")[-1]
    return re.sub(r" \(choose from .*\)$", "", last)


def without_log(text):
    """What fails before the log is open is logged on standard error as well (reference, 1.4)."""
    end = "See log file for more details.\n"
    return text.split(end)[0] + end if "\nTraceback (most recent call last):" in text and end in text else text


def with_sorted_words(text):
    """Words that exclude each other are told in the order of their hashes."""
    pattern = r"Invalid configuration value '[^']*' for key (\S+) in \[(.*?)\] section: cannot contain both '([^']*)' and '([^']*)'"
    return re.sub(pattern, lambda found: " ".join(sorted(found.groups())), text)


def with_sorted_sets(text):
    """Sets are printed in the order of their hashes."""
    return re.sub(r"Options\(\{(.*?)\}\)", lambda found: "Options({" + ", ".join(sorted(found[1].split(", "))) + "})", text)


def with_sorted_models(lines):
    """The options of a model are looked at in the order of their hashes."""
    place = re.compile(r" for key .* in \[(model:.*?)\] section: ")
    result, run = [], []
    for line in lines + [""]:
        if place.search(line) and (not run or place.search(run[0])[1] == place.search(line)[1]):
            run.append(line)
            continue
        result += sorted(run)
        run = [line] if place.search(line) else []
        result += [] if run else [line]
    return result[:-1]


CLIENTS = ("pg_basebackup", "pg_receivexlog")


def without_clients(text, question, is_json):
    """We receive and copy without client programs: what is said of their versions and places is not compared."""
    client = "(?:pg_basebackup|pg_receivexlog)"
    if is_json and question.command in ("check", "show-servers", "show-server"):
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        for rows in answer.values():
            if isinstance(rows, dict):
                for key in [key for key in rows if key.startswith(CLIENTS)]:
                    del rows[key]
        return json.dumps(answer)
    if question.command == "check":
        text = re.sub(rf"(?m)^\t{client}(?: [^:\n]*)?: (?:OK|FAILED).*\n", "", text)
        text = re.sub(rf"(?m)^.*\.{client}[^:\n]*: FAILED.*\n", "", text)
        return re.sub(rf", {client}(?: compatible| supports tablespaces mapping)?(?=[,|\n ]|$)", "", text)
    if question.command.startswith("show-server"):
        return re.sub(rf"(?m)^\t{client}_\w+: .*\n", "", text)
    return text


class Answer:
    """Standard output, standard error and exit status, made comparable."""

    def __init__(self, question, home, side, out, err, status):
        self.raw_out, self.raw_err, self.status, self.raw_status = out, err, status, status
        self.home = home
        is_json = question.format == "json" or "json" in question.words
        out, err = (without_moments(text.replace(side, "/ROOT")) for text in (out, err))
        out, err = (with_sorted_words(text) for text in (out, without_log(err)))
        err = "\n".join(with_sorted_models(err.split("\n")))
        if is_json and "_WARNING" in out:
            try:
                answer = json.loads(out)
                answer["_WARNING"] = with_sorted_models(answer.get("_WARNING", []))
                out = json.dumps(answer)
            except ValueError:
                pass
        # Backups of one name are told in the order of directory entries.
        out, err = (re.sub(r"(using backup ID instead\): )([\dT ]+)", lambda found: found[1] + " ".join(sorted(found[2].split())), text)
                    for text in (out, err))
        command = question.command
        if command == "check":
            out = with_sorted_errors(out)
        if command in ("list-files",):
            out = sorted_paths(out, is_json)
        if command == "cron" and any(server.kind == "passive" for server in home.servers):
            # Entry: `cron` on a passive node.
            err = "".join(line for line in err.splitlines(True) if "Failed to retrieve the primary node status" not in line)
            self.status = None
        if command == "cron":
            # Orphans are told in the order of directory entries.
            # Entry: commands whose feature is not there yet.
            out = "".join(line for line in out.splitlines(True) if not line.startswith("Starting streaming archiver for server "))
            lines = re.split(r"(?=^(?:WARNING|ERROR|EXCEPTION): )", err, flags=re.M)
            err = "".join(sorted(lines))
        if command == "delete" or command == "cron":
            out, err = without_dump(out, is_json), without_dump(err, False)
        out = without_clients(out, question, is_json)
        if command == "diagnose":
            out = diagnosis(out, is_json)
        if command.startswith("show-server"):
            out = with_sorted_sets(out)
            out = masked(out) if is_json else with_line_ends(out)
        if status == 2 and "error: " in err:
            err = usage(err)
        if "-h" in question.words or not question.words:
            # Help texts are not relied on (reference, 1.1).
            out = out.split("\n")[0][:20]
        if command == "check" and "--nagios" in question.words and "json" in question.words:
            out = out.removeprefix("{}")
        self.out, self.err = out, err

    def differs_from(self, other):
        return [name for name in ("status", "out", "err") if getattr(self, name) != getattr(other, name)]


def settle(question, oracle, ours):
    """Takes what listed defects explain out of a pair of answers, and nothing else; returns the titles of the entries."""
    titles = []
    for title, apply in RULES:
        before = (oracle.out, oracle.err, oracle.status, ours.out, ours.err, ours.status)
        apply(question, oracle, ours)
        if before != (oracle.out, oracle.err, oracle.status, ours.out, ours.err, ours.status):
            titles.append(title)
    return titles


def is_json(question):
    return question.format == "json" or "json" in question.words


def settle_inactive(question, oracle, ours):
    if question.command != "check":
        return
    inactive = {server.name for server in oracle.home.servers if server.kind == "inactive" or server.options.get("active")}
    if "--nagios" in question.words:
        if inactive:
            oracle.out, ours.out = nagios_parts(oracle.out, inactive), nagios_parts(ours.out, inactive)
            # One that fails alone is an issue for us, and nothing to speak of for the reference.
            if "CRITICAL" in ours.raw_out and ours.status == 2 and not any(
                    line.split(" FAILED: ")[0] not in inactive for line in re.split(r" \* ", ours.raw_out.split("\n")[0])[1:]):
                oracle.status = ours.status = None
                oracle.out = ours.out = ours.out.split("|")[-1]
        return
    if inactive and ours.status == 1 and has_failed_row(ours.out, is_json(question)):
        trimmed = without_extra_rows(ours.out, oracle.out, inactive, is_json(question))
        ours.out = trimmed
        if is_json(question) and oracle.out.startswith("{"):
            oracle.out = json.dumps(json.loads(oracle.out))
        if oracle.status == 0:
            ours.status = 0


def starts_with(whole, part):
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(whole.get(key) == value for key, value in part.items())
    return isinstance(part, list) and isinstance(whole, list) and whole[: len(part)] == part


def without_sections(text, names):
    """The text without what is told below the heading of these servers."""
    heading = re.compile(r"Server (.*?)(?: \((?:inactive|WARNING: disabled)\))?:\n")
    return "".join(part for part in re.split(r"(?m)^(?=Server )", text) if not ((found := heading.match(part)) and found[1] in names))


def beginning(question, oracle, ours, damaged=frozenset()):
    """For an answer that the reference breaks off: what it has said until then is what we say too, in the same order.

    `damaged` are the servers at which it breaks off, somewhere amid what it says about them.
    """
    if is_json(question):
        try:
            theirs, mine = json.loads(oracle.out), json.loads(ours.out)
        except ValueError:
            return
        for key in ("_EXCEPTION", "_ERROR", "_INFO"):
            theirs.pop(key, None), mine.pop(key, None)
        for name in damaged:
            theirs.pop(name, None), mine.pop(name, None)
        # The server at which it broke off has lost its last rows.
        last = max(theirs, default=None)
        same = all(mine.get(key) == value or (key == last and starts_with(mine.get(key), value)) for key, value in theirs.items())
    else:
        lines, rest = (without_sections(answer.out, damaged).split("\n") for answer in (oracle, ours))
        rest = iter(rest)
        same = all(line in rest for line in lines if line)
        warnings = iter(ours.err.split("\n"))
        same = same and all(line in warnings for line in oracle.err.split("\n") if line.startswith("WARNING: "))
    if same and oracle.status == ours.status == 1:
        oracle.out, oracle.err, oracle.status = ours.out, ours.err, ours.status


def nagios_beginning(question, oracle, ours, without=frozenset()):
    """The same for Nagios: every row of which the reference complains, we complain of."""
    if question.command == "check" and "--nagios" in question.words and ours.status == oracle.status == 2:
        theirs, mine = (
            {line for line in answer.out.split("\n")[1:] if ": FAILED" in line and not any(line.startswith(f"{name}.") for name in without)}
            for answer in (oracle, ours))
        if theirs <= mine:
            oracle.out = ours.out


def with_trait(home, trait):
    return {server.name for server in home.servers if trait in server.traits}


def settle_continuity(question, oracle, ours):
    """The row and the line that name missing WAL are ours alone."""
    if question.command not in ("check", "status"):
        return
    if not any(text in ours.out for text in ("WAL continuity", "Missing WAL", "missing_wal", "wal_continuity")):
        return
    if is_json(question) and "--nagios" not in question.words:
        mine = json.loads(ours.out)
        for rows in mine.values():
            if isinstance(rows, dict):
                rows.pop("wal_continuity", None), rows.pop("missing_wal", None)
        ours.out = json.dumps(mine)
        if oracle.out.startswith("{"):
            oracle.out = json.dumps(json.loads(oracle.out))
    else:
        ours.out = re.sub(r"(?m)^(\t|.*\.)(WAL continuity: (OK|FAILED)|Missing WAL segments: ).*\n", "", ours.out)
        ours.out = ours.out.replace(", WAL continuity", "").replace("FAILED: WAL continuity, ", "FAILED: ")
    if question.command == "check" and oracle.status == 0 and ours.status == 1 and not has_failed_row(ours.out, is_json(question)):
        ours.status = 0


def settle_unknown_key(question, oracle, ours):
    damaged = with_trait(oracle.home, "unknown-key")
    if damaged:
        nagios_beginning(question, oracle, ours, damaged)
    if "Unsupported field" in oracle.raw_err + oracle.raw_out and "Unsupported field" in ours.raw_err + ours.raw_out and ours.status == 1:
        beginning(question, oracle, ours, damaged)


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
    if not has_failed_row(oracle.out, is_json(question)) and oracle.status == 1 and not oracle.err:
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
        beginning(question, oracle, ours)
    if any(server.options.get("backup_method") == "local-rsync" for server in oracle.home.servers):
        nagios_beginning(question, oracle, ours)


def settle_damaged_list(question, oracle, ours):
    damaged = with_trait(oracle.home, "xlogdb-damaged")
    if question.command == "check" and "BadXlogSegmentName" in oracle.raw_out + oracle.raw_err and ours.status == 1:
        beginning(question, oracle, ours, damaged)
    if damaged:
        nagios_beginning(question, oracle, ours, damaged)
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


RULES = [
    ("WAL that is missing since the first backup", settle_continuity),
    ("`cron` deletes an obsolete backup with incremental ones", settle_chains),
    ("a model without `cluster`, in JSON", settle_parameter),
    ("an unknown key in a backup.info", settle_unknown_key),
    ("`check` of a local-rsync server that can not be reached", settle_local_rsync),
    ("a damaged line in `xlog.db`", settle_damaged_list),
    ("`check` of a server whose `xlog.db` is missing", settle_missing_list),
    ("`check SERVER` on an inactive server", settle_inactive),
    ("`check` of a server whose `xlog.db` is missing", settle_missing_list_nagios),
    ("`check-backup` of a backup without begin_wal", settle_check_without_begin),
    ("`list-files` of a backup without begin_wal", settle_files_without_begin),
]


def may_differ(path, values, home):
    """Entry: `check` of a server whose `xlog.db` is missing (the two programs rebuild it in different commands)."""
    ends_early = any(server.options.get("backup_method") == "local-rsync" and server.kind != "passive" for server in home.servers)
    if (home.has("xlogdb-damaged") or home.has("unknown-key") or ends_early) and path.endswith(("/base", "/meta", "/errors", "/incoming", "/streaming", "/wals")):
        # `check` of the oracle ends at such a server, and makes no directories for the servers after it.
        return None in values and "directory" in values
    for server in home.servers:
        if server.traits & {"xlogdb-missing", "xlogdb-old"} and path in (f"{server.name}/wals/{server.name}-xlog.db", f"{server.name}/wals/xlog.db"):
            return None in values
    return False
