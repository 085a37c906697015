# SPDX-License-Identifier: BSD-3-Clause
"""docs/reliability-figures.md: what a run of the proof has seen, as tables."""

HEAD = """\
# Figures of reliability

Written by `./dev prove`; not edited by hand. What the rows mean: [reliability.md](reliability.md).
"""


def thousands(value):
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(thousands(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def words(name):
    return name.replace("_", " ")


def of_map(found):
    return ", ".join(f"{words(key)} {thousands(n)}" for key, n in found.items() if n) or "none"


def overview(result):
    rows = [(name, "holds" if part["ok"] else "DOES NOT HOLD", part["took_seconds"])
            for name, part in result["parts"].items()]
    return table(("part", "verdict", "seconds"), rows)


def simulator(part):
    lines = [table(("simulation", "seeds"), part["tests"].items()),
             f"{thousands(part['seeds'])} seeds. Counted: {of_map(part['tally'])}.\n",
             f"Faults injected: {of_map(part['faults'])}.\n",
             f"Invariants checked: {of_map(part['checks'])}.\n"]
    return "\n".join(lines)


def models(part):
    return (f"{part['models']} models: {part['hold']} rows hold, {part['known_bad_that_fail']} "
            f"known-bad variants fail as they must, {thousands(part['states'])} states.\n")


def fuzzers(part):
    return (f"{part['targets']} targets, {part['seconds_each']} s each, "
            f"{thousands(part['executions'])} executions over {thousands(part['inputs_in_tree'])} "
            f"kept inputs; {part['parser_lines_percent']} % of the parsers' lines reached.\n")


def sanitizers(part):
    return table(("sanitizer", "programs", "reports"),
                 [(name, part[kind]["programs"], part[kind]["reports"]) for kind, name in
                  (("address", "AddressSanitizer, UndefinedBehaviorSanitizer"),
                   ("thread", "ThreadSanitizer"))])


def differential(part):
    kinds = part["kinds"]
    rows = kinds.items() if isinstance(kinds, dict) else enumerate(kinds)
    told = [(kind, of_map(readers) if isinstance(readers, dict) else readers)
            for kind, readers in rows]
    return (table(("vectors", "agreed"), told)
            + f"\nThen {thousands(part['rounds'])} rounds from seed {part['seed']}.\n")


def mutants(part):
    text = f"{part['found']} of {part['planted']} planted bugs found.\n"
    for name, why in part["survivors"].items():
        text += f"\n- `{name}` survives: {why or 'NOT EXPLAINED'}\n"
    return text


# (what it is, where it stands in a medium's object)
SOAK_ROWS = (
    ("rounds", lambda m: m["rounds"]), ("seconds", lambda m: m["seconds"]),
    ("transactions asked", lambda m: m["transactions"]["asked"]),
    ("lost", lambda m: m["transactions"]["lost"]),
    ("doubled", lambda m: m["transactions"]["doubled"]),
    ("wrong bytes or order", lambda m: m["transactions"]["wrong"]),
    ("never ended", lambda m: m["transactions"]["not_ended"]),
    ("test frames sent", lambda m: m["frames"]["sent"]),
    ("frames lost", lambda m: m["frames"]["lost"]),
    ("frames doubled", lambda m: m["frames"]["duplicated"]),
    ("frames out of order", lambda m: m["frames"]["reordered"]),
    ("frames corrupted", lambda m: m["frames"]["corrupted_or_foreign"]),
    ("frames taken by kills and flushes", lambda m: m["frames"]["taken_by_kills_and_flushes"]),
    ("credits leaked", lambda m: m["credits_leaked"]),
    ("mbufs leaked", lambda m: m["mbufs_leaked"]),
    ("memory grown at most, KiB", lambda m: m["memory_growth_kib"]),
    ("updates of tables", lambda m: m["table_updates"]),
    ("what the wire did", lambda m: of_map(m["faults"])),
    ("what was done", lambda m: of_map(m["events"])),
)


def soak(part):
    media = part["media"]
    text = f"Seed {part['seed']}.\n\n" + table(
        ("", *(m["medium"] for m in media)),
        [(name, *(pick(m) for m in media)) for name, pick in SOAK_ROWS])
    kinds = sorted({kind for m in media for kind in m["recovery_ms"]})
    columns = ("n", "p50", "p99", "max")
    rows = [(m["medium"], kind, *(m["recovery_ms"][kind][key] for key in columns))
            for m in media for kind in kinds if kind in m["recovery_ms"]]
    return text + "\nUntil the first good transaction, ms:\n\n" + table(
        ("medium", "after", "times", "p50", "p99", "max"), rows)


SECTIONS = (("simulator", "Simulation", simulator), ("models", "Models", models),
            ("fuzzers", "Fuzzers", fuzzers), ("sanitizers", "Sanitizers", sanitizers),
            ("differential", "Three readers", differential), ("mutants", "Mutants", mutants),
            ("soak", "Real processes", soak))


def document(result):
    where = result["machine"]
    parts = [HEAD, f"{where['date']}, commit {where['commit']}, {where['cpu']}, {where['cores']} "
             f"CPUs, Linux {where['kernel']}, {where['compiler']}. "
             f"{thousands(result['minutes'])} minutes were given, {thousands(result['seconds'])} "
             f"seconds taken. **{'Every invariant held.' if result['ok'] else 'NOT all held.'}**\n",
             overview(result)]
    for name, title, write in SECTIONS:
        part = result["parts"].get(name)
        if part is None:
            continue
        parts.append(f"## {title}\n")
        if part["ok"]:
            parts.append(write(part))
        else:
            parts.append("\n".join(f"- {why}" for why in part["why"]) + "\n")
    return "\n".join(parts)
