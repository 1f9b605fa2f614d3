#!/usr/bin/env python3
"""The second oracle: CUSTOMER.md sections 1 and 2 once more, written apart from oracle.ts, standard library only (Python >= 3.9).

usage: oracle.py INPUT.json OUTPUT.json
INPUT holds a list of ground truths, OUTPUT gets the list of expected tables (shapes: ground-truth.ts).
"""
import base64
import bisect
import json
import math
import re
import sys

if sys.version_info < (3, 9):
    sys.exit("oracle.py needs Python 3.9 or newer (zoneinfo), this is %d.%d" % sys.version_info[:2])

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
RANKS = "rcud"
MAX_LEVELS = 500


class Bad(Exception):
    """A verdict: why a value cannot be taken."""

    def __init__(self, *reasons):
        super().__init__(*reasons)
        self.reasons = reasons


# --- time: whole microseconds since 1970 ---


def read_time(text):
    """RFC 3339 with any offset; digits beyond microseconds are cut."""
    m = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})", text)
    if m is None:
        raise Bad("unreadable_time")
    day, clock, fraction, zone = m.groups()
    try:
        moment = datetime.strptime(day + " " + clock, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Bad("unreadable_time") from None
    if clock.endswith(("60", "61")):  # strptime knows leap seconds
        raise Bad("unreadable_time")
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    if fraction:
        micros += int((fraction[1:] + "000000")[:6])
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise Bad("unreadable_time")
        shift = (hours * 60 + minutes) * 60 * 1000000
        micros += shift if zone[0] == "-" else -shift
    return micros


def show_time(micros):
    # Not datetime.isoformat: it leaves .000000 out. Years are padded by hand for old dates.
    t = EPOCH + timedelta(microseconds=micros)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" % (t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond)


def day_start(day, zone):
    """The first microsecond of a local day: 23, 24 or 25 hours before that of the next one."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (local.astimezone(timezone.utc) - EPOCH) // timedelta(microseconds=1)


def local_day(micros, zone):
    try:
        return (EPOCH + timedelta(microseconds=micros)).astimezone(zone).date()
    except OverflowError:  # the few hours of the year 10000 that a zone can reach
        return date.max


# --- exact JSON ---


def exact(text):
    """A number as (negative, digits without zeros at either end, exponent of ten)."""
    sign, digits, exponent = Decimal(text).as_tuple()
    bare = "".join(map(str, digits)).lstrip("0")
    if not bare:
        return False, "", 0
    kept = bare.rstrip("0")
    return bool(sign), kept, exponent + len(bare) - len(kept)


class Number(str):
    """The text of a JSON number."""


class Watch:
    """Notes a lone surrogate wherever it stands, in overwritten duplicates too."""

    def __init__(self):
        self.seen = False

    def look(self, value):
        if isinstance(value, list):
            for item in value:
                self.look(item)
        elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            self.seen = True

    def pairs(self, pairs):
        for name, value in pairs:
            self.look(name)
            self.look(value)
        return dict(pairs)  # the last of duplicate names wins


def no_constant(_text):
    raise ValueError("NaN and Infinity are not JSON")


def levels(text):
    """How deep brackets nest outside of strings."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.S)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def numbers(value):
    if isinstance(value, Number):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)


def read_json(text):
    """The value and what stands in it that no warehouse takes."""
    watch = Watch()
    try:
        value = json.loads(
            text, object_pairs_hook=watch.pairs, parse_int=Number, parse_float=Number, parse_constant=no_constant
        )
    except ValueError:
        raise Bad("broken_json") from None
    except RecursionError:
        raise Bad("too_deep") from None
    watch.look(value)
    found = {"lone_surrogate"} if watch.seen else set()
    if levels(text) > MAX_LEVELS:
        found.add("too_deep")
    if any(math.isinf(float(number)) for number in numbers(value)):
        found.add("out_of_range")
    return value, found


def canonical(value):
    if isinstance(value, Number):
        negative, digits, exponent = exact(value)
        return ("-" if negative else "") + digits + "e" + str(exponent) if digits else "0"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(json.dumps(name, ensure_ascii=False) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# --- section 1: verdicts ---


def cell(value, column):
    kind = column["type"]
    if value is None:
        return None
    if kind == "JSON":
        if not isinstance(value, {"object": dict, "array": list}.get(column.get("json"), object)):
            raise Bad("wrong_type")
        return canonical(value)
    if kind == "BOOL":
        if value is not True and value is not False:
            raise Bad("wrong_type")
        return "true" if value else "false"
    if kind in ("INT64", "FLOAT64") or kind.startswith("NUMERIC"):
        if not isinstance(value, Number):
            raise Bad("wrong_type")
        if kind == "FLOAT64":
            if math.isinf(float(value)):
                raise Bad("out_of_range")
            return canonical(Number(repr(float(value))))
        return whole(value) if kind == "INT64" else decimal(value, *map(int, re.findall("[0-9]+", kind)))
    if isinstance(value, Number) or not isinstance(value, str):
        raise Bad("wrong_type")
    if "values" in column and value not in column["values"]:
        raise Bad("not_allowed")
    if kind == "DATE":
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
            raise Bad("impossible_date")
        try:
            date.fromisoformat(value)
        except ValueError:
            raise Bad("impossible_date") from None
        return value
    if kind == "TIMESTAMP":
        return show_time(read_time(value))
    if kind == "STRING":
        return value
    raise AssertionError("no such type: " + kind)


def whole(number):
    negative, digits, exponent = exact(number)
    if not digits:
        return "0"
    wrong = ["wrong_type"] if exponent < 0 else []
    if len(digits) + exponent > 19:
        raise Bad("out_of_range", *wrong)
    if wrong:
        raise Bad(*wrong)
    value = int(digits) * 10**exponent * (-1 if negative else 1)
    if not -(2**63) <= value < 2**63:
        raise Bad("out_of_range")
    return str(value)


def decimal(number, precision, places):
    negative, digits, exponent = exact(number)
    wrong = ["too_many_decimals"] if digits and -exponent > places else []
    if digits and len(digits) + exponent > precision - places:
        wrong.append("out_of_range")
    if wrong:
        raise Bad(*wrong)
    unscaled = int(digits or "0") * 10 ** (exponent + places)
    text = str(unscaled).rjust(places + 1, "0")
    return ("-" if negative else "") + text[: len(text) - places] + ("." + text[-places:] if places else "")


def judge_value(text, job, latest, event):
    """(reasons, members, readable id, cells, event time) of a value or REST row."""
    members, reasons = read_json(text)
    if not isinstance(members, dict):
        raise Bad("wrong_type")

    def get(column, required):
        try:
            value = cell(members.get(column["field"]), column)
        except Bad as bad:
            reasons.update(bad.reasons)
            return None
        if value is None and required:
            reasons.add("missing_field")
        return value

    time_field = job["eventTimeField"]
    cells = {c["name"]: get(c, c.get("required", False) and c["field"] != time_field) for c in job["columns"]}
    identity = get({"field": job["keyField"], "type": "STRING"}, True)
    at_text = get({"field": time_field, "type": "TIMESTAMP"}, event)
    at = None if at_text is None else read_time(at_text)
    if identity == "":
        reasons.add("empty_key")
    if at is not None and not read_time(job["earliest"]) <= at <= latest + job["maxFutureMs"] * 1000:
        reasons.add("time_out_of_bounds")
    if identity is not None and (identity == "" or any("\ud800" <= c <= "\udfff" for c in identity)):
        identity = None
    return reasons, members, identity, cells, at


class Fact:
    """One record of section 2's table."""

    def __init__(self, key, op, version, assertion, effective, cells, at, tie):
        self.key, self.op, self.cells, self.at = key, op, cells, at
        self.there = op != "d"
        self.version, self.assertion, self.effective = version, assertion, effective
        # (0 stream | 1 snapshot; broker timestamp or S0; op; topic | snapshot id; place ...)
        self.tie = (tie[0], tie[1], RANKS.index(op)) + tuple(tie[2:])
        self.kind, self.observed = tie[0], tie[1]


def judge_record(record, job):
    """A Fact, or Bad with everything that is wrong."""
    reasons = set()
    key = None
    if record["key"] is None:
        reasons.add("null_key")
    else:
        try:
            key = base64.b64decode(record["key"]).decode("utf-8")
            if not key:
                reasons.add("empty_key")
        except UnicodeDecodeError:
            reasons.add("invalid_utf8")
    broker = record["timestampMs"] * 1000
    tie = (0, broker, record["topic"], record["partition"], record["epoch"], record["offset"])
    at = "/".join(str(record[part]) for part in ("topic", "epoch", "partition", "offset"))
    if record["value"] is None:
        if broker < read_time(job["earliest"]):
            reasons.add("time_out_of_bounds")
        if reasons:
            raise Bad(*reasons)
        return Fact(key, "d", None, broker, broker, None, at, tie)
    try:
        text = base64.b64decode(record["value"]).decode("utf-8")
        found, members, identity, cells, event_at = judge_value(text, job, broker, True)
    except UnicodeDecodeError:
        raise Bad("invalid_utf8", *reasons) from None
    except Bad as bad:
        raise Bad(*bad.reasons, *reasons) from None
    reasons |= found
    if key is not None and identity is not None and identity != key:
        reasons.add("key_mismatch")
    op = next(topic["op"] for topic in job["topics"] if topic["name"] == record["topic"])
    if isinstance(op, dict):
        named = members.get(op["field"])
        op = op["values"].get(named) if isinstance(named, str) and not isinstance(named, Number) else None
    if op is None:
        reasons.add("unknown_op")
    if reasons:
        raise Bad(*reasons)
    return Fact(key, op, event_at, event_at, event_at, cells, at, tie)


class Snapshot:
    def __init__(self, given, job):
        self.id, self.admitted = given["id"], given["admitted"]
        self.s0, self.s1 = read_time(given["startedAt"]), read_time(given["finishedAt"])
        self.reach = job["toleranceMs"] * 1000
        self.facts, self.dead, self.present = [], [], set()
        readable = True
        floor = self.s0 - self.reach
        for p, page in enumerate(given["pages"]):
            for r, item in enumerate(page["items"]):
                at = "%s/%d/%d" % (self.id, p + 1, r + 1)
                try:
                    reasons, _, identity, cells, updated = judge_value(item, job, self.s1, False)
                except Bad as bad:
                    reasons, identity, cells, updated = set(bad.reasons), None, None, None
                if identity is None:
                    readable = False
                else:
                    self.present.add(identity)
                if reasons:
                    self.dead.append({"at": at, "reasons": sorted(reasons)})
                    continue
                times = (floor, floor, self.s0) if updated is None else (updated, max(updated, floor), max(updated, self.s0))
                self.facts.append(Fact(identity, "r", *times, cells, at, (1, self.s0, self.id, p, r)))
        first, last = given["pages"][0]["total"], given["pages"][-1]["total"]
        totals = [t for t in (first, last) if t is not None]
        self.complete = (
            given["reachedLastPage"]
            and readable
            and (not totals or min(totals) <= len(self.present) <= max(totals))
            and (first == last or not given.get("shifting", False))
        )

    def absences(self, records):
        """Of a complete snapshot: who is not in it, was observed before S0 and did not move around the download."""
        if not self.complete:
            return []
        known = {f.key for f in records if f.observed < self.s0}
        moving = {
            f.key for f in records if f.kind == 0 and self.s0 - self.reach <= f.assertion <= self.s1 + self.reach
        }
        gone = known - self.present - moving
        return [
            Fact(key, "d", None, self.s0 - self.reach, self.s0, None, "", (1, self.s0, self.id)) for key in gone
        ]


# --- section 2: the row of a key ---


def row_of(key, facts, job):
    valued = [f for f in facts if f.cells is not None]
    best = max(valued, key=lambda f: (f.version,) + f.tie) if valued else None
    asserted = sorted(facts, key=lambda f: (f.assertion,) + f.tie)
    cells = dict(best.cells) if best else {c["name"]: None for c in job["columns"]}
    if best is None:
        cells[job["keyColumn"]] = key
    rule = job["deletedWhen"]
    marked = rule is not None and cells[rule["column"]] == rule["equals"]
    says_gone = not asserted[-1].there
    gone = says_gone or marked
    if gone and job["deletes"] == "hard":
        return None
    if says_gone:
        since = asserted[-1].assertion
        for fact in reversed(asserted):
            if fact.there:
                break
            since = fact.assertion
    else:
        since = best.version
    op = "d" if gone else "r" if best.op == "d" else best.op
    cells.update({"_op": op, "_event_at": show_time(since), "_is_deleted": "true" if gone else "false"})
    return {"key": key, "row": cells, "from": best.at if best else None}


def rows(facts, job):
    by_key = {}
    for fact in facts:
        by_key.setdefault(fact.key, []).append(fact)
    keys = sorted(by_key, key=lambda key: key.encode("utf-16-be"))
    return [row for row in (row_of(key, by_key[key], job) for key in keys) if row is not None]


def expected(truth):
    job = truth["job"]
    zone = ZoneInfo(job["timezone"])
    once = {(r["topic"], r["epoch"], r["partition"], r["offset"]): r for r in reversed(truth["records"])}
    stream, dead = [], []
    for record in once.values():
        try:
            stream.append(judge_record(record, job))
        except Bad as bad:
            at = "/".join(str(record[part]) for part in ("topic", "epoch", "partition", "offset"))
            dead.append({"at": at, "reasons": sorted(set(bad.reasons))})
    snapshots = [Snapshot(given, job) for given in truth["snapshots"]]
    admitted = [s for s in snapshots if s.admitted]
    records = stream + [f for s in admitted for f in s.facts]
    facts = records + [f for s in admitted for f in s.absences(records)]

    today = local_day(read_time(truth["logicalTime"]), zone)
    start = job["historyStart"]
    if start == "first_snapshot":
        first = min((local_day(s.s0, zone) for s in admitted), default=None)
    elif start == "first_event":
        first = min((local_day(f.effective, zone) for f in stream), default=None)
    else:
        first = date.fromisoformat(start)
    history = []
    ordered = sorted(facts, key=lambda f: f.effective)
    effective = [f.effective for f in ordered]
    day = first
    while day is not None and day <= today:
        end = day_start(day + timedelta(days=1), zone)
        for row in rows(ordered[: bisect.bisect_left(effective, end)], job):
            history.append(dict(row, day=day.isoformat()))
        day += timedelta(days=1)
    dead += [letter for s in snapshots for letter in s.dead]
    return {
        "today": today.isoformat(),
        "historyStart": first and first.isoformat(),
        "current": rows(facts, job),
        "history": history,
        "deadLetters": sorted(dead, key=lambda letter: letter["at"]),
        "counts": {"stream": len(stream), "snapshot": sum(len(s.facts) for s in admitted), "loads": len(admitted)},
        "complete": {s.id: s.complete for s in snapshots},
    }


def main(source, target):
    sys.setrecursionlimit(20000)
    with open(source, encoding="utf-8") as file:
        truths = json.load(file)
    with open(target, "w", encoding="utf-8") as file:
        json.dump([expected(truth) for truth in truths], file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
