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


# What no part may have seen: (what, the simulator's tally, a medium of the soak).
NEVER = (
    ("frames and transactions lost", lambda tally: tally["lost"],
     lambda m: m["transactions"]["lost"] + m["frames"]["lost"]),
    ("doubled", lambda tally: tally["doubled"],
     lambda m: m["transactions"]["doubled"] + m["frames"]["duplicated"]),
    ("out of order", lambda tally: tally["reordered"], lambda m: m["frames"]["reordered"]),
    ("corrupted", lambda tally: tally["corrupted"],
     lambda m: m["transactions"]["wrong"] + m["frames"]["corrupted_or_foreign"]),
    ("transactions that never ended", None, lambda m: m["transactions"]["not_ended"]),
    ("credits leaked", None, lambda m: m["credits_leaked"]),
    ("mbufs leaked", None, lambda m: m["mbufs_leaked"]),
)
INVARIANTS = ("\nIn the simulation endings, credits and buffers are invariants (E1, C3, R1): they "
              "fail the seed.\n")


def zeros(parts):
    """What must be zero, as far as parts that can be read have counted it."""
    simulated, soaked = parts.get("simulator", {}), parts.get("soak", {})
    media, tally = soaked.get("media", []), simulated.get("tally")
    head = ("", *(["simulation"] if tally else []), *(f"processes over {m['medium']}"
                                                      for m in media))
    rows = [(name, *([in_tally(tally) if in_tally else held(simulated)] if tally else []),
             *(in_medium(m) for m in media)) for name, in_tally, in_medium in NEVER]
    return table(head, rows) + (INVARIANTS if tally else "") if tally or media else ""


def held(simulated):
    return 0 if simulated["ok"] else "see below"


def kills(soaked):
    """p50 and p99 of all recoveries from kill -9, of all media."""
    samples = [ms for medium in soaked["media"]
               for kind, of_kind in medium["recovery_samples_ms"].items() if kind != "hang"
               for ms in of_kind]
    if not samples:
        return "none"
    return (f"{rank(samples, 50):,.0f} ms and {rank(samples, 99):,.0f} ms, {len(samples)} kills")


def rank(samples, share):
    """Nearest rank, so it is one of the samples."""
    return sorted(samples)[max(0, -(-len(samples) * share // 100) - 1)]


HEADLINES = (
    ("simulator", "seeds", lambda part: part["seeds"]),
    ("simulator", "transactions in virtual time", lambda part: part["tally"]["transactions"]),
    ("simulator", "faults injected in virtual time", lambda part: sum(part["faults"].values())),
    ("soak", "transactions of real processes",
     lambda part: sum(m["transactions"]["asked"] for m in part["media"])),
    ("soak", "good transactions again after kill -9: p50 and p99", kills),
    ("fuzzers", "lines of the parsers reached by fuzzers, %",
     lambda part: part["parser_lines_percent"]),
    ("models", "states of the models", lambda part: part["states"]),
    ("mutants", "planted bugs found", lambda part: f"{part['found']} of {part['planted']}"),
)


def headlines(parts):
    rows = [(name, pick(parts[part])) for part, name, pick in HEADLINES
            if parts.get(part, {}).get("ok")]
    return table(("", ""), rows) if rows else ""


def simulator(part):
    lines = [table(("simulation", "seeds, from 1 on"), part["tests"].items()),
             f"{thousands(part['seeds'])} seeds. Counted: {of_map(part['tally'])}.\n",
             "Faults injected:\n", counts("fault", part["faults"]),
             "How often each invariant was looked at:\n", counts("invariant", part["checks"])]
    return "\n".join(lines)


def counts(what, found):
    return table((what, "times"), ((words(key), n) for key, n in found.items() if n))


def models(part):
    rows = [(name, of["hold"], of["known_bad_that_fail"], of["states"])
            for name, of in part["models"].items()]
    return table(("model", "variants that hold", "known-bad ones that fail, as they must",
                  "states"),
                 [*rows, ("all", part["hold"], part["known_bad_that_fail"], part["states"])])


def fuzzers(part):
    rows = [(group, of["lines_reached"], of["lines"], of["lines_percent"])
            for group, of in part["parsers"].items()]
    return (f"{part['targets']} targets, {part['seconds_each']} s each, "
            f"{thousands(part['executions'])} executions over {thousands(part['inputs_in_tree'])} "
            "kept inputs; none died.\n\n"
            + table(("parsers", "lines reached", "lines", "%"),
                    [*rows, ("all", *(sum(row[n] for row in rows) for n in (1, 2)),
                             part["parser_lines_percent"])]))


def sanitizers(part):
    return table(("sanitizer", "programs", "reports"),
                 [(name, part[kind]["programs"], part[kind]["reports"]) for kind, name in
                  (("address", "AddressSanitizer, UndefinedBehaviorSanitizer"),
                   ("thread", "ThreadSanitizer"))])


def differential(part):
    told = [(kind, of_map(readers)) for kind, readers in part["kinds"].items()]
    return (table(("vectors", "agreed"), told)
            + f"\nWhat is drawn follows from seed {part['seed']}.\n")


def mutants(part):
    """Not of this run, unless they were planted in it: it says of which tree they are."""
    rows = [(area, of["planted"], of["found"], ", ".join(of["suites"]), of["seed"] or "-")
            for area, of in part["areas"].items()]
    trees = ", ".join(f"{commit} ({n})" for commit, n in part["commits"].items())
    text = table(("area", "planted", "found", "by", "seeds at most"), rows)
    text += (f"\n{part['found']} of {part['planted']} planted bugs found; which by which test, "
             f"after how many seeds: [mutants.md](mutants.md). Tried on commit {trees}; "
             f"{part['in_files_that_changed']} are in files that have changed since.\n")
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
    return (text + "\nUntil the first good transaction after kill -9 (hang: after SIGCONT), ms:\n\n"
            + table(("medium", "after", "times", "p50", "p99", "max"), rows))


SECTIONS = (("simulator", "Simulation", simulator), ("models", "Models", models),
            ("fuzzers", "Fuzzers", fuzzers), ("sanitizers", "Sanitizers", sanitizers),
            ("differential", "Three readers", differential), ("mutants", "Mutants", mutants),
            ("soak", "Real processes", soak))


def document(result):
    where, parts = result["machine"], result["parts"]
    text = [HEAD, f"{where['date']}, commit {where['commit']}, {where['cpu']}, {where['cores']} "
            f"CPUs, Linux {where['kernel']}, {where['compiler']}. "
            f"{thousands(result['minutes'])} minutes were given, {thousands(result['seconds'])} "
            f"seconds taken, and {thousands(result['build_seconds'])} for builds before. "
            f"**{'Every invariant held.' if result['ok'] else 'NOT all held.'}**\n",
            zeros(parts), headlines(parts), overview(result)]
    for name, title, write in SECTIONS:
        part = parts.get(name)
        if part is None:
            continue
        text.append(f"## {title}\n")
        if part["ok"]:
            text.append(write(part))
        else:
            text.append("\n".join(f"- {why}" for why in part["why"]) + "\n")
    return "\n".join(each for each in text if each)
