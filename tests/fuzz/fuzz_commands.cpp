// SPDX-License-Identifier: BSD-3-Clause
// Any line at the control socket: one line of JSON comes back that says yes or why not; a refused
// change changes nothing (X3, R5, S5).
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "control/runtime/commands_faults.h"
#include "control/runtime/commands_table.h"
#include "control/runtime/control_socket_client.h"
#include "tests/fuzz/input.h"

namespace ethlink::fuzz {
namespace {

using control::CommandTable;
using control::Reply;
using nlohmann::json;

void check_range(const FaultOptions& faults) {
    for (const double p : {faults.loss, faults.bit_error, faults.duplicate, faults.reorder,
                           faults.seq_drop, faults.seq_dup, faults.fcs_bad, faults.fcs_poisoned,
                           faults.llr_ack_drop, faults.llr_nack_drop, faults.cf_update_drop}) {
        must(p >= 0 && p <= 1, "a probability");
    }
    must(faults.reorder_distance >= 1 && faults.reorder_distance <= 64, "a distance");
    must(faults.rate_mbps >= 0 && std::isfinite(faults.rate_mbps), "a rate");
    for (const Duration time : {faults.delay, faults.jitter}) {
        must(time >= Duration::zero() && time <= std::chrono::seconds(1), "a time");
    }
}

/// The commands of a process that change something or take values, over faults of our own.
class Served {
public:
    Served() {
        std::vector<std::string> keys{"port", "direction", "clear", "n"};
        keys.insert(keys.end(), control::fault_keys().begin(), control::fault_keys().end());
        table_.add({"fault set", "Changes faults.", keys,
                    [this](const json& request) { return set_faults(request); }});
        table_.add({"drops", "Lists.", {"port", "all"}, [](const json& request) -> Reply {
                        const auto all = control::flag_of(request, "all");
                        if (!all) return Unexpected<std::string>(all.error());
                        return json{{"all", *all}};
                    }});
    }

    void ask(std::string_view line) {
        const json before = control::to_json(faults_);
        applied_ = false;
        (void)control::read_answer(line);  // The other way round: a hostile process answers so.
        const std::string text = table_.answer(line);
        must(text.find('\n') == std::string::npos, "one line");
        const json answer = json::parse(text, nullptr, false);
        must(answer.is_object() && answer.contains("ok") && answer["ok"].is_boolean(),
             "X3: an answer is JSON and says whether");
        const bool good = answer["ok"].get<bool>();
        const auto read = control::read_answer(text);
        must(read.has_value() == good, "whoever asks reads the same");
        must(good || read.error() == answer["error"], "and the same sentence");
        must(answer.contains("result") == good && answer.contains("error") != good,
             "a result, or an error");
        must(good || (answer["error"].is_string() &&
                      !answer["error"].get_ref<const std::string&>().empty()),
             "an error is a sentence");
        must(good || text.size() < 4096, "nobody's bytes come back by the thousand");
        must(good == applied_ || good, "S5: what was refused was not done");
        must(good || control::to_json(faults_) == before, "S5: all of it or nothing");
        check_range(faults_);
        check_id(line, answer);
    }

private:
    Reply set_faults(const json& request) {
        for (const std::string_view key : {"port", "direction"}) {
            const auto text = control::text_of(request, key);
            if (!text) return Unexpected<std::string>(text.error());
            must(!*text || (*text)->size() <= 256, "a text has its limit");
        }
        const auto n = control::count_of(request, "n", 3, 1000);
        if (!n) return Unexpected<std::string>(n.error());
        must(!*n || (**n >= 3 && **n <= 1000), "a count is in its range");
        const auto clear = control::flag_of(request, "clear");
        if (!clear) return Unexpected<std::string>(clear.error());
        const auto changed = control::changed_faults(*clear ? FaultOptions{} : faults_, request);
        if (!changed) return Unexpected<std::string>(changed.error());
        faults_ = *changed;
        applied_ = true;
        return control::to_json(faults_);
    }
    static void check_id(std::string_view line, const json& answer) {
        const auto request = control::parse_request(line);
        if (!request) return must(!answer["ok"].get<bool>(), "X3: nonsense is refused");
        must(request->is_object(), "a request is an object");
        const auto id = request->find("id");
        if (id == request->end() || !answer.contains("id")) return;
        must(answer["id"] == *id || id->is_string() || id->is_number_float(), "its own id");
    }

    FaultOptions faults_;
    CommandTable table_;
    bool applied_ = false;
};

}  // namespace

void run(Input& input) {
    const Bytes bytes = input.rest();
    Served served;
    // Lines, as the socket hands them over.
    std::string_view rest = as_text(bytes);
    while (true) {
        const std::size_t end = rest.find('\n');
        served.ask(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
}

}  // namespace ethlink::fuzz
