"""Which archived WAL is missing, worked out from the files of a home: what our rows about it must say (`docs/differences.md`)."""

import os
import re

SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
NAMED_GAPS = 5


class Archive:
    """The segments in the list of one server, as numbers of each timeline; from the newest backup on those that are on disk."""

    def __init__(self, directory, size, newest):
        self.directory, self.size, self.per_log = directory, size, (1 << 32) // size
        self.numbers, self.last, self.newest = {}, {}, self.place(newest)
        for name in listed(directory):
            place = self.place(name)
            if not place:
                continue
            self.last[place[0]] = max(place[1], self.last.get(place[0], 0))
            numbers = self.numbers.setdefault(place[0], set())
            if not self.is_needed(place) or os.path.exists(f"{directory}/wals/{name[:16]}/{name}"):
                numbers.add(place[1])

    def is_needed(self, place):
        """Whether recovery from the newest backup may read it."""
        return self.newest is not None and place[0] >= self.newest[0] and place[1] >= self.newest[1]

    def may_branch(self, timeline, place):
        """Whether a timeline may have left that of a backup behind where the backup begins."""
        return place[0] < timeline and place[1] <= self.last[timeline]

    def place(self, name):
        """Timeline and number; `None` for what is no name of a segment of this size."""
        found = SEGMENT.fullmatch(name or "")
        timeline, log, segment = (int(part, 16) for part in found.groups()) if found else (0, 0, self.per_log)
        return (timeline, log * self.per_log + segment) if segment < self.per_log else None

    def name(self, timeline, number):
        return f"{timeline:08X}{number // self.per_log:08X}{number % self.per_log:08X}"

    def branch(self, timeline):
        """The timeline that this one left, and in which segment; `None` when that is not archived."""
        try:
            with open(f"{self.directory}/wals/{timeline:08X}.history") as file:
                lines = [line.split("\t") for line in file.read().splitlines() if line]
        except FileNotFoundError:
            return None
        high, low = (int(part, 16) for part in lines[-1][1].split("/"))
        return int(lines[-1][0]), ((high << 32) + low) // self.size


def listed(directory):
    try:
        with open(f"{directory}/wals/{os.path.basename(directory)}-xlog.db") as file:
            return [line.split("\t")[0] for line in file]
    except FileNotFoundError:
        return []


def records(directory):
    """Key and value of every record of a backup, by id."""
    found = {}
    for place in (f"{directory}/base", f"{directory}/meta"):
        for name in os.listdir(place) if os.path.isdir(place) else []:
            path = f"{place}/{name}/backup.info" if place.endswith("base") else f"{place}/{name}"
            if path.endswith("backup.info") and os.path.exists(path):
                with open(path) as file:
                    pairs = (line.split("=", 1) for line in file if "=" in line and not line.startswith("#"))
                    found[name[:15]] = {key.strip(): value.strip() for key, value in pairs}
    return found


def is_standalone(directory, identifier):
    for path in (f"{directory}/meta/{identifier}-keep", f"{directory}/base/{identifier}/annotations/keep"):
        if os.path.exists(path):
            with open(path) as file:
                return file.read() == "standalone"
    return False


def needed(directory, backups, archive):
    """What recovery may need: the numbers of each timeline."""
    begins, ends, wanted = {}, {}, {}
    for identifier, values in backups:
        place = archive.place(values.get("begin_wal"))
        if not place:
            continue
        timeline, first = place
        if is_standalone(directory, identifier):
            end = archive.place(values.get("end_wal"))
            if end and end[0] == timeline and timeline in archive.numbers:
                wanted.setdefault(timeline, set()).update(range(first, min(end[1], archive.last[timeline]) + 1))
        else:
            begins[timeline] = min(first, begins.get(timeline, first))
    for timeline in sorted(archive.numbers):
        parent, number = archive.branch(timeline) or (None, 0)
        if number >= begins.get(parent, number + 1):
            begins[timeline] = min(number, begins.get(timeline, number))
            ends[parent] = max(number, ends.get(parent, 0))
        ends[timeline] = max(archive.last[timeline] + 1, ends.get(timeline, 0))
    for timeline, begin in begins.items():
        # What is kept for itself alone counts only before the first that is not.
        end = ends.get(timeline, 0)
        if begin < end:
            wanted[timeline] = {number for number in wanted.get(timeline, ()) if number < begin} | set(range(begin, end))
    return wanted


def unknown_timelines(directory, backups, archive):
    """The timelines whose histories are missing, so that recovery does not find them."""
    begins = [archive.place(values.get("begin_wal")) for identifier, values in backups if not is_standalone(directory, identifier)]
    return [timeline for timeline in sorted(archive.last) if any(place and archive.may_branch(timeline, place) for place in begins)
            and not any(os.path.exists(f"{directory}/{place}/{timeline:08X}.history") for place in ("wals", "incoming", "streaming"))]


def missing(directory):
    """What the rows name, and whether recovery from the newest backup ends there; `(None, False)` when nothing is missing."""
    completed = sorted(item for item in records(directory).items() if item[1].get("status") in ("DONE", "WAITING_FOR_WALS"))
    if not completed:
        return None, False
    size = completed[0][1].get("xlog_segment_size", "None")
    archive = Archive(directory, 16 << 20 if size == "None" else int(size), completed[-1][1].get("begin_wal"))
    newest = archive.newest
    texts = [f"{timeline:08X}.history" for timeline in unknown_timelines(directory, completed, archive)]
    ends_newest = newest is not None and any(archive.may_branch(int(text[:8], 16), newest) for text in texts)
    for timeline, wanted in sorted(needed(directory, completed, archive).items()):
        for run in runs(sorted(wanted - archive.numbers.get(timeline, wanted))):
            first, last = (archive.name(timeline, number) for number in (run[0], run[-1]))
            texts.append(first if len(run) == 1 else f"{first} to {last} ({len(run)} files)")
            ends_newest = ends_newest or newest is not None and timeline >= newest[0] and run[-1] >= newest[1]
    more = len(texts) - NAMED_GAPS
    return (", ".join(texts[:NAMED_GAPS]) + (f", and {more} more gaps" if more > 0 else "") if texts else None), ends_newest


def runs(numbers):
    found = []
    for number in numbers:
        if found and found[-1][-1] + 1 == number:
            found[-1].append(number)
        else:
            found.append([number])
    return found
