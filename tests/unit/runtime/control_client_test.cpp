// SPDX-License-Identifier: BSD-3-Clause
// Who asks over a control socket hears a result or a sentence, whatever answers there (X3).
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/runtime/control_socket.h"
#include "control/runtime/control_socket_client.h"
#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::control {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// A process that answers everything with one line.
class Answering {
public:
    explicit Answering(std::string line) : line_(std::move(line)) {
        auto opened = ControlSocket::open(directory_.path(), "main", {});
        EXPECT_TRUE(opened) << opened.error();
        socket_ = std::move(*opened);
        thread_ = std::jthread([this](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                socket_->serve(1ms, [this](std::string_view heard) {
                    heard_ = heard;
                    return line_;
                });
            }
        });
    }
    Expected<json, std::string> ask(const json& request) {
        auto client = ControlClient::connect(socket_->path());
        EXPECT_TRUE(client) << client.error();
        return client->ask(request, 5s);
    }
    /// Ends it; its last request.
    std::string heard() {
        thread_ = {};
        return heard_;
    }

private:
    test::TemporaryDirectory directory_;
    std::string line_, heard_;
    std::unique_ptr<ControlSocket> socket_;
    std::jthread thread_;
};

TEST(ControlClient, HearsAResult) {
    EXPECT_EQ(Answering(R"({"ok":true,"result":{"n":1}})").ask({{"command", "n"}}),
              json({{"n", 1}}));
    EXPECT_EQ(Answering(R"({"ok":true})").ask({{"command", "n"}}), json());
}

TEST(ControlClient, HearsASentence) {
    const auto refused = Answering(R"({"ok":false,"error":"no such port"})").ask({});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), "no such port");
}

TEST(ControlClient, AnswersThatAreNone) {
    for (const char* line : {"", "0", "null", "[]", "{}", "{\"ok\":1}", "{\"ok\":\"true\"}",
                             "{\"ok\"", "\xFF\xFE", "{\"ok\":true}{\"ok\":true}"}) {
        const auto answer = Answering(line).ask({});
        ASSERT_FALSE(answer) << line;
        EXPECT_NE(answer.error().find("no answer"), std::string::npos) << answer.error();
    }
}

TEST(ControlClient, RefusalsWithoutASentence) {
    for (const char* line :
         {R"({"ok":false})", R"({"ok":false,"error":null})", R"({"ok":false,"error":7})",
          R"({"ok":false,"error":["a"]})", R"({"ok":false,"error":{"error":"a"}})",
          R"({"ok":false,"error":""})"}) {
        const auto answer = Answering(line).ask({});
        ASSERT_FALSE(answer) << line;
        EXPECT_EQ(answer.error(), "refused without a reason") << line;
    }
}

TEST(ControlClient, AsksWhatIsNoUtf8AllTheSame) {
    Answering process(R"({"ok":false,"error":"no such port"})");
    const auto answer = process.ask({{"command", "drops"}, {"port", "leaf\xFF:e0"}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), "no such port");
    const std::string heard = process.heard();
    EXPECT_FALSE(json::parse(heard, nullptr, false).is_discarded()) << heard;
}

}  // namespace
}  // namespace ethlink::control
