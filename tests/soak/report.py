# SPDX-License-Identifier: BSD-3-Clause
"""The figures of a soak: one object for scripts, one table for people."""
import collections


def percentile(values, share):
    """Nearest rank, so it is one of the values."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else None


def times(values):
    return {"n": len(values), "p50": rounded(percentile(values, 50)),
            "p99": rounded(percentile(values, 99)), "max": rounded(max(values, default=None))}


def rounded(value):
    return None if value is None else round(value, 1)


def of_medium(soak):
    accounts = soak.accounts
    count = sum(accounts.seen.values(), collections.Counter())
    frames, transactions = accounts.frames, accounts.transactions
    return {
        "medium": soak.medium,
        "rounds": soak.rounds,
        "seconds": round(soak.seconds, 1),
        "ok": not soak.failures,
        "failures": [{"round": number, "what": what} for number, what in soak.failures],
        "events": dict(accounts.events),
        "table_updates": accounts.table_updates,
        "faults": {kind: count[kind] for kind in ("lost", "corrupted", "duplicated", "reordered")},
        "link_frames": count["link_frames"],
        "replayed": count["replayed"],
        "transactions": {key: transactions[key] for key in (
            "asked", "good", "ended", "wrong", "lost", "doubled", "not_ended",
            "died_with_program", "sums_compared", "sums_exact")},
        "errors": dict(accounts.errors),
        "frames": {key: frames[key] for key in (
            "sent", "delivered", "lost", "duplicated", "reordered", "corrupted_or_foreign",
            "taken_by_kills_and_flushes", "overtaken_on_a_new_path")},
        "credits_leaked": accounts.credits_leaked,
        "mbufs_leaked": accounts.mbufs_leaked,
        "memory_growth_kib": accounts.memory_growth_kib(),
        "recovery_ms": {kind: times(values) for kind, values in accounts.recovery.items()},
        "recovery_samples_ms": {kind: [rounded(v) for v in values]
                                for kind, values in accounts.recovery.items()},
    }


def summary(seed, soaks):
    media = [of_medium(soak) for soak in soaks]
    return {"seed": seed, "ok": bool(media) and all(m["ok"] and m["rounds"] for m in media),
            "seconds": round(sum(m["seconds"] for m in media), 1), "media": media}


def row(name, *values):
    return f"  {name:36}" + "".join(f"{value:>16}" for value in values)


def table(summarised):
    media = summarised["media"]
    lines = [row("", *(m["medium"] for m in media))]

    def add(name, pick):
        lines.append(row(name, *(f"{pick(m):,}" for m in media)))
    add("rounds", lambda m: m["rounds"])
    add("seconds", lambda m: m["seconds"])
    for key, name in (("asked", "transactions asked"), ("good", "  good"), ("lost", "  lost"),
                      ("doubled", "  doubled"), ("wrong", "  wrong bytes or order"),
                      ("not_ended", "  never ended"),
                      ("died_with_program", "  died with their program"),
                      ("sums_compared", "sums of atomics compared")):
        add(name, lambda m, key=key: m["transactions"][key])
    for key, name in (("sent", "test frames sent"), ("lost", "  lost"),
                      ("duplicated", "  doubled"), ("reordered", "  out of order"),
                      ("corrupted_or_foreign", "  corrupted"),
                      ("taken_by_kills_and_flushes", "  taken by kills and flushes"),
                      ("overtaken_on_a_new_path", "  overtaken on a new path")):
        add(name, lambda m, key=key: m["frames"][key])
    for key in ("lost", "corrupted", "duplicated", "reordered"):
        add(f"faults of the wire: {key}", lambda m, key=key: m["faults"][key])
    add("replayed by LLR", lambda m: m["replayed"])
    add("updates of tables", lambda m: m["table_updates"])
    add("credits leaked", lambda m: m["credits_leaked"])
    add("mbufs leaked", lambda m: m["mbufs_leaked"])
    add("memory grown, KiB", lambda m: m["memory_growth_kib"])
    for kind in sorted({kind for m in media for kind in m["events"]}):
        add(f"{kind}", lambda m, kind=kind: m["events"].get(kind, 0))
    lines.append("  first good transaction after, ms: n / p50 / p99")
    for kind in sorted({kind for m in media for kind in m["recovery_ms"]}):
        lines.append(row("  " + kind, *(recovery(m["recovery_ms"].get(kind)) for m in media)))
    lines.append(f"seed {summarised['seed']}: " + ("all of it held" if summarised["ok"] else
                                                   "NOT all of it held"))
    return "\n".join(lines)


def recovery(found):
    return "-" if found is None else f"{found['n']}/{found['p50']:.0f}/{found['p99']:.0f}"
