// SPDX-License-Identifier: BSD-3-Clause
// `ethlink pktgen FILE`: test frames over links that speak LLR and CBFC, counted at both ends.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "control/cli/arrivals.h"
#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/daemon.h"
#include "control/cli/pktgen_text.h"
#include "control/cli/traffic_options.h"
#include "control/pktgen/histogram_text.h"
#include "control/runtime/pktgen_run.h"
#include "control/runtime/stats_json.h"

namespace ethlink::cli {
namespace {

using control::PktgenRun;
using control::Process;
using nlohmann::json;
using namespace std::chrono_literals;

struct Arguments {
    std::string file;
    DaemonOptions daemon;
    TrafficArguments traffic;
    bool lab = false;
    bool sink_only = false;
    bool sizes_each = false;
    bool no_probe = false;
    double linger_s = 0;
    std::string search;
    double rate_max_pps = 0;
    double precision = 0.005;
    double warm_up_s = 0.2;
    double wait_s = 30;
    std::string hgrm;
    bool json = false;
    bool quiet = false;
};

Duration seconds(double s) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

double mean(const std::vector<std::uint32_t>& sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), 0.0) / static_cast<double>(sizes.size());
}

/// One call of `ethlink pktgen` once its process runs.
class Session {
public:
    Session(const Arguments& arguments, const control::Fabric& fabric, Daemon& daemon,
            const std::atomic<bool>& stop)
        : arguments_(arguments),
          fabric_(fabric),
          daemon_(daemon),
          stop_(stop),
          run_(
              daemon.process(), [this](Duration timeout) { daemon_.turn(timeout); }, stop),
          sight_(arguments.lab      ? Sight::kBothEnds
                 : run_.has_links() ? Sight::kOwnEnd
                                    : Sight::kPlainEnd) {
        times_.warm_up = seconds(arguments.warm_up_s);
        times_.counted = arguments.traffic.duration(fabric);
        run_.set_progress([this](const control::FrameTotals& so_far, Duration elapsed) {
            live_line(name_ + " bytes: " +
                      std::to_string(std::chrono::duration<double>(elapsed).count()).substr(0, 4) +
                      " s, sent " + grouped(so_far.sent) + ", received " +
                      grouped(so_far.received));
        });
    }

    int generate(const std::vector<NamedWorkload>& workloads) {
        if (!links_come_up() || !everybody_answers()) return kCannotRun;
        for (const NamedWorkload& workload : workloads) {
            if (stop_.load()) break;
            name_ = workload.name;
            const bool done = arguments_.search.empty() ? trial(workload) : search(workload);
            end_live_line();
            if (!done) return kCannotRun;
        }
        return report(linger());
    }

    int sink() {
        if (!links_come_up()) return kCannotRun;
        tell("receiving; end it with Ctrl-C");
        const auto begin = std::chrono::steady_clock::now();
        const bool for_ever = !arguments_.traffic.has_duration();
        while (!stop_.load() &&
               (for_ever || std::chrono::steady_clock::now() - begin < times_.counted)) {
            daemon_.turn(200ms);
            const Arrivals so_far = Arrivals::of(daemon_.process());
            live_line("received " + grouped(so_far.totals.received) + ", doubled " +
                      grouped(so_far.totals.duplicated) + ", missing " + grouped(so_far.missing));
        }
        end_live_line();
        return report_sink();
    }

private:
    bool links_come_up() {
        live_line("waiting for the links ...");
        const bool up = run_.wait_for_links(seconds(arguments_.wait_s));
        end_live_line();
        if (up || stop_.load()) return up;
        complain("the links did not come up within " +
                 std::to_string(arguments_.wait_s).substr(0, 4) +
                 " s: does the neighbour run, and has it the other end of the device? `ethlink "
                 "show links` tells which; --wait waits longer");
        return false;
    }

    /// The links here are not those behind the switch.
    bool everybody_answers() {
        if (arguments_.no_probe) return true;
        live_line("waiting for the destinations ...");
        const bool all = run_.wait_for_answers(seconds(arguments_.wait_s));
        end_live_line();
        if (all || stop_.load()) return true;
        std::string who;
        for (const GpuId gpu : run_.silent()) who += (who.empty() ? "" : ", ") + control::hex(gpu);
        complain(
            "no answer from " + who + " within " + std::to_string(arguments_.wait_s).substr(0, 4) +
            " s: run `ethlink pktgen --sink-only` there, with the same --pattern and --vc, and "
            "look at the links of the switch (`ethlink show links`); --wait waits longer, "
            "--no-probe sends all the same");
        return false;
    }

    void tell(const std::string& line) const {
        if (!arguments_.quiet && !arguments_.json) std::fprintf(stderr, "%s\n", line.c_str());
    }

    bool trial(const NamedWorkload& workload) {
        const double rate =
            workload.workload.frames_per_second * static_cast<double>(run_.senders());
        trials_.push_back({workload.name, rate, run_.trial(workload.workload, times_)});
        end_live_line();
        tell(trial_line(trials_.back(), sight_));
        return true;
    }

    bool search(const NamedWorkload& workload) {
        control::PktgenSearchOptions options;
        options.times = times_;
        options.rates.rate_max = arguments_.rate_max_pps * static_cast<double>(run_.senders());
        options.rates.precision = arguments_.precision;
        if (arguments_.search == "ndr") options.rates.goals = {control::kNdr};
        if (arguments_.search == "pdr") options.rates.goals = {control::kPdr};
        auto found = control::search_rate(
            run_, workload.workload, options,
            [&](const control::RateTrial& rate, const control::PktgenResult& result) {
                trials_.push_back({workload.name, rate.offered, result});
                end_live_line();
                tell(trial_line(trials_.back(), sight_));
            },
            stop_);
        if (!found) {
            complain(found.error());
            return false;
        }
        searches_.push_back({workload.name, mean(workload.workload.sizes), std::move(*found)});
        return true;
    }

    int report(const std::optional<Arrivals>& arrivals) {
        const bool written = write_hgrm();
        // A search looks for rates that lose frames, so only plain trials can fail.
        bool clean = !trials_.empty() && written;
        for (const NamedResult& t : trials_) {
            clean = clean && (!searches_.empty() || is_clean(t.result, sight_));
        }
        if (arrivals) {
            clean = clean && arrivals->is_clean();
            explain(*arrivals);
        }
        if (arguments_.json) {
            print_json(clean, arrivals);
            return clean ? kOk : kFailed;
        }
        std::printf("\n");
        if (searches_.empty()) std::fputs(trials_table(trials_, sight_).c_str(), stdout);
        if (!searches_.empty()) std::fputs(searches_table(searches_).c_str(), stdout);
        std::printf("\n%s", rate_note().c_str());
        if (sight_ != Sight::kBothEnds) {
            const std::uint64_t all = control::frame_totals(daemon_.process()).sent;
            std::printf(
                "Sent in all, warm-ups included: %s frames. What arrived is counted where "
                "it arrives: see the process of the sink.\n",
                grouped(all).c_str());
        }
        if (arrivals) std::printf("Here: %s", arrivals->text().c_str());
        return clean ? kOk : kFailed;
    }

    void print_json(bool clean, const std::optional<Arrivals>& arrivals) const {
        json object{{"fabric", fabric_.name},
                    {"node", arguments_.lab ? json() : json(arguments_.daemon.node)},
                    {"ok", clean},
                    {"probes", control::frame_totals(daemon_.process()).probes},
                    {"trials", json::array()}};
        for (const NamedResult& t : trials_) object["trials"].push_back(to_json(t, sight_));
        if (!searches_.empty()) object["searches"] = json::array();
        for (const NamedSearch& s : searches_) object["searches"].push_back(to_json(s));
        if (arrivals) object["arrived"] = arrivals->to_json();
        std::printf("%s\n", object.dump(2).c_str());
    }

    static bool write_hgrm(const std::string& path, const HistogramSnapshot& latency) {
        std::ofstream file(path);
        file << control::to_hgrm(latency, 1000.0);
        if (file.flush()) return true;
        complain("cannot write " + path);
        return false;
    }

    /// The last trial of each size; with several sizes ".SIZE" follows the name.
    bool write_hgrm() const {
        if (arguments_.hgrm.empty()) return true;
        bool several = false;
        for (const NamedResult& t : trials_) several |= t.name != trials_.front().name;
        for (const NamedResult& t : trials_) {
            const std::string path = arguments_.hgrm + (several ? "." + t.name : "");
            if (!write_hgrm(path, t.result.latency)) return false;
        }
        return true;
    }

    int report_sink() const {
        const Arrivals arrivals = Arrivals::of(daemon_.process());
        const bool written =
            arguments_.hgrm.empty() || write_hgrm(arguments_.hgrm, arrivals.latency);
        const bool clean = arrivals.is_clean() && written;
        if (arguments_.json) {
            json object = arrivals.to_json();
            object["fabric"] = fabric_.name;
            object["node"] = arguments_.daemon.node;
            object["ok"] = clean;
            std::printf("%s\n", object.dump(2).c_str());
        } else {
            std::fputs(arrivals.text().c_str(), stdout);
        }
        explain(arrivals);
        return clean ? kOk : kFailed;
    }

    static void explain(const Arrivals& arrivals) {
        if (arrivals.totals.unexpected == 0) return;
        complain(
            "some frames are of no stream known here: give the sink the same --pattern and "
            "--vc as the generator");
    }

    /// Others may still be sending to this endpoint.
    std::optional<Arrivals> linger() {
        if (arguments_.linger_s == 0) return std::nullopt;
        live_line("waiting for what others still send ...");
        run_.wait_for_silence(seconds(arguments_.linger_s));
        end_live_line();
        return Arrivals::of(daemon_.process());
    }

    const Arguments& arguments_;
    const control::Fabric& fabric_;
    Daemon& daemon_;
    const std::atomic<bool>& stop_;
    PktgenRun run_;
    Sight sight_;
    control::PktgenTimes times_;
    std::string name_;
    std::vector<NamedResult> trials_;
    std::vector<NamedSearch> searches_;
};

/// What cannot go together, as a sentence; empty if all is well.
std::string contradiction(const Arguments& a) {
    if (a.lab == !a.daemon.node.empty()) {
        return "say either --node NAME (one endpoint, on its devices) or --lab (the whole fabric "
               "in this process)";
    }
    if (a.lab && a.sink_only) return "--sink-only needs --node: with --lab all ends are here";
    if (a.linger_s > 0 && (a.lab || a.sink_only)) {
        return "--linger is for a generator to which others send: with --lab all ends are here, "
               "and --sink-only receives until it is told to end";
    }
    if (!a.lab && !a.search.empty()) {
        return "--search must see both ends: use it with --lab";
    }
    if (!a.lab && !a.sink_only && !a.hgrm.empty()) {
        return "--hgrm needs --lab or --sink-only: latency is known where frames arrive";
    }
    if (!a.search.empty() && a.traffic.has_rate()) {
        return "--search finds the rate itself: leave --rate out (--rate-max limits it)";
    }
    return {};
}

int start(const Arguments& arguments, const Context& context) {
    auto fabric = load_or_complain(arguments.file);
    if (!fabric) return kUsage;
    const auto refuse = [](const std::string& why) {
        complain(why);
        return kUsage;
    };
    if (const auto done = override_devices(*fabric, arguments.daemon.devices); !done) {
        return refuse(done.error());
    }
    auto options = process_options(arguments.daemon, *fabric, context.eal);
    if (!options) return refuse(options.error());
    if (options->node && fabric->node(*options->node).kind != control::NodeKind::kEndpoint) {
        return refuse(arguments.daemon.node + " is a switch; run it with: ethlink switch " +
                      arguments.file + " --node " + arguments.daemon.node);
    }
    if (!is_ready_or_complain(*fabric, options->node, options->impairable)) return kUsage;
    const auto workloads = arguments.traffic.resolve_each(*fabric, arguments.sizes_each);
    if (!workloads) return refuse(workloads.error());
    options->traffic = workloads->front().workload;
    auto daemon = Daemon::start(*fabric, *options);
    if (!daemon) {
        complain(daemon.error());
        return kCannotRun;
    }
    Session session(arguments, *fabric, **daemon, *context.stop);
    const int code = arguments.sink_only ? session.sink() : session.generate(*workloads);
    if (const std::uint64_t leaked = (*daemon)->stop(); leaked > 0) {
        complain(std::to_string(leaked) + " buffers did not come back: please report this");
        return kFailed;
    }
    return code;
}

void add_measuring_options(CLI::App& pktgen, Arguments& arguments) {
    pktgen.add_flag("--sizes-each", arguments.sizes_each,
                    "A trial of its own for each size; --size rfc2544 does so, too");
    pktgen.add_option("--warmup", arguments.warm_up_s, "Seconds before each trial, not counted")
        ->check(CLI::Range(0.0, 60.0))
        ->capture_default_str();
    pktgen
        .add_option("--search", arguments.search,
                    "ndr: the highest rate without loss; pdr: with at most 0.5 %; or both")
        ->check(CLI::IsMember({"ndr", "pdr", "both"}));
    pktgen
        .add_option("--rate-max", arguments.rate_max_pps,
                    "Search from here, frames/s per endpoint (default: what an open trial does)")
        ->check(CLI::Range(0.0, 1e9));
    pktgen.add_option("--precision", arguments.precision, "Of the search, as a share of the rate")
        ->check(CLI::Range(0.0001, 0.5))
        ->capture_default_str();
    pktgen.add_flag("--no-probe", arguments.no_probe,
                    "Do not wait until the destinations answer: they are no ethlink pktgen");
    pktgen
        .add_option("--wait", arguments.wait_s,
                    "Seconds to wait for the links, then for an answer of the destinations")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();
    pktgen
        .add_option("--linger", arguments.linger_s,
                    "With --node: go on receiving until nothing came for so many seconds, and tell "
                    "what came; RFC 2544 waits 2")
        ->check(CLI::Range(0.0, 3600.0));
    pktgen.add_option("--hgrm", arguments.hgrm,
                      "Write latencies (us) as HdrHistogram percentiles to this file");
}

}  // namespace

void add_pktgen(CLI::App& app, const Context& context, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& pktgen = *app.add_subcommand(
        "pktgen", "Send and count test frames; measure rates, loss and latency");
    pktgen.add_option("file", arguments->file, "Fabric file (YAML)")->required();
    pktgen.add_option("--node", arguments->daemon.node, "One endpoint of the file, on its devices");
    pktgen.add_flag("--lab", arguments->lab, "The whole file in this process");
    pktgen.add_flag("--sink-only", arguments->sink_only, "Send nothing, count what arrives");
    arguments->traffic.add_to(pktgen);
    add_measuring_options(pktgen, *arguments);
    arguments->daemon.add_to(pktgen);
    pktgen.add_flag("--json", arguments->json, "One JSON object on stdout");
    pktgen.add_flag("--quiet", arguments->quiet, "No progress, no notices");
    pktgen.footer(
        "Examples:\n"
        "  ethlink pktgen configs/back-to-back.yaml --lab --size rfc2544 --duration 2\n"
        "  ethlink pktgen configs/back-to-back.yaml --lab --search both --size 512\n"
        "  ethlink pktgen rack.yaml --node gpu1 --sink-only    (on one host)\n"
        "  ethlink pktgen rack.yaml --node gpu0 --size 1518    (on another)");
    pktgen.callback([arguments, &context, &exit_code] {
        log_to_stderr(arguments->quiet || arguments->json);
        const std::string wrong = contradiction(*arguments);
        if (!wrong.empty()) complain(wrong);
        exit_code = wrong.empty() ? start(*arguments, context) : kUsage;
    });
}

}  // namespace ethlink::cli
