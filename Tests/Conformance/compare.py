"""Answers made comparable: what no two runs agree on is taken out. What listed differences explain is in `differences.py`."""

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
    text = re.sub(r"(postgres(?:ql)?://[^:/@\s]*:)[^@\s\"]*@", r"\1*REDACTED*@", text)
    return re.sub(r"password=(?!\*REDACTED)[^ \"']+", "password=*REDACTED*", text)


def with_line_ends(text):
    """Entry: a password at the end of a value, or in single quotes."""
    return text.replace("*REDACTED*\t", "*REDACTED*\n\t")


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


def without_log(text):
    """What fails before the log is open is logged on standard error as well (reference, 1.4)."""
    end = "See log file for more details.\n"
    return text.split(end)[0] + end if "\nTraceback (most recent call last):" in text and end in text else text


def with_sorted_words(text):
    """Words that exclude each other are told in the order of their hashes."""
    pattern = r"Invalid configuration value '[^']*' for key (\S+) in \[((?:(?!\] section: ).)*)\] section: cannot contain both '([^']*)' and '([^']*)'"
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


def is_json(question):
    return question.format == "json" or "json" in question.words


class Answer:
    """Standard output, standard error and exit status, made comparable."""

    def __init__(self, question, home, side, out, err, status):
        self.raw_out, self.raw_err, self.status, self.raw_status = out, err, status, status
        self.home, self.root = home, side
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
        if command == "cron":
            # Orphans are told in the order of directory entries.
            lines = re.split(r"(?=^(?:WARNING|ERROR|EXCEPTION): )", err, flags=re.M)
            err = "".join(sorted(lines))
        if command == "delete" or command == "cron":
            out, err = without_dump(out, is_json), without_dump(err, False)
        if command == "diagnose":
            out = diagnosis(out, is_json)
        if command.startswith("show-server"):
            out = with_sorted_sets(out)
            out = masked(out) if is_json else with_line_ends(out)
        if "-h" in question.words or not question.words:
            # Help texts are not relied on (reference, 1.1).
            out = out.split("\n")[0][:20]
        if command == "check" and "--nagios" in question.words and "json" in question.words:
            out = out.removeprefix("{}")
        self.out, self.err = out, err

    def as_given(self):
        """Only what is bound to place and time is taken out."""
        self.status = self.raw_status
        self.out, self.err = (
            re.sub(r'(timestamp\\?": \\?")[^"\\]*', r"\1NOW", without_moments(text.replace(self.root, "/ROOT"))) for text in (self.raw_out, self.raw_err))

    def differs_from(self, other):
        return [name for name in ("status", "out", "err") if getattr(self, name) != getattr(other, name)]
