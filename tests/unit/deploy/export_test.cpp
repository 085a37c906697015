// SPDX-License-Identifier: BSD-3-Clause
// What is rendered for other engines; up_test.py has it run, parsed and verified by them.
#include "control/deploy/export.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deploy/fabric_text.h"

namespace ethlink::control {
namespace {

using test::good;
using test::kNics;
using test::rack_text;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kMoreNics =
    R"(, devices: {"leaf0:e1": "0000:03:00.1", "gpu1:e0": "0000:41:00.0"})";

using Files = std::map<std::string, std::string>;

Files files_of(const Rendered& rendered) {
    Files files;
    if (!rendered) ADD_FAILURE() << text(rendered.error());
    for (const RenderedFile& file : rendered ? *rendered : std::vector<RenderedFile>()) {
        EXPECT_TRUE(files.emplace(file.name, file.text).second) << file.name << " twice";
        EXPECT_EQ(file.name.find('/'), std::string::npos);
        EXPECT_EQ(file.text.back(), '\n');
        EXPECT_THAT(file.text, HasSubstr("Rendered from my-rack.yaml by `ethlink export "));
        EXPECT_THAT(file.text, Not(HasSubstr("somewhere"))) << "a path of this machine";
    }
    return files;
}

TEST(Export, IsTheSameEachTime) {
    const Fabric fabric = good(rack_text(kNics, kMoreNics));
    for (const auto render : {render_netns, render_systemd, render_containerlab, render_ansible}) {
        const Files once = files_of(render(fabric, {}));
        EXPECT_EQ(once, files_of(render(fabric, {})));
        EXPECT_FALSE(once.empty());
    }
}

TEST(Export, NetnsIsAScript) {
    const auto rendered = render_netns(good(rack_text()), {});
    const Files files = files_of(rendered);
    EXPECT_TRUE(rendered->front().executable);
    const std::string& script = files.at("my-rack-netns.sh");
    EXPECT_THAT(script, StartsWith("#!/usr/bin/env bash\n# Rendered"));
    EXPECT_THAT(script, HasSubstr("fabric=${FABRIC:-$here/my-rack.yaml}"));
    EXPECT_THAT(script, HasSubstr("    cable leaf0 e1 gpu1 e0 "));
    EXPECT_THAT(script, HasSubstr("    run leaf0 switch \"$fabric\" --node leaf0 \\\n"
                                  "        --device leaf0:e0=net_af_packet0,iface=e0 \\\n"));
}

TEST(Export, NetnsOnStdoutNamesTheFileAsGiven) {
    Fabric fabric = good(rack_text());
    fabric.file = "it's/here.yaml";
    const auto rendered =
        render_netns(fabric, {.program = {}, .image = {}, .place = FabricPlace::kAsGiven});
    ASSERT_TRUE(rendered);
    EXPECT_THAT(rendered->front().text, HasSubstr(R"(default='it'\''s/here.yaml')"));
}

TEST(Export, SystemdHasAUnitPerNodeAndOneForAll) {
    const Files files = files_of(render_systemd(
        good(rack_text(kNics)), {.program = "/opt/e l/ethlink", .image = {}, .place = {}}));
    ASSERT_EQ(files.size(), 4u);
    const std::string& leaf = files.at("ethlink-my-rack-leaf0.service");
    EXPECT_THAT(leaf, HasSubstr("ExecStart=\"/opt/e l/ethlink\" switch /etc/ethlink/my-rack.yaml "
                                "\\\n    --node leaf0 \\\n    --device leaf0:e1=net_memif0,role="
                                "server,id=0,socket-abstract=no,socket=/run/ethlink/my-rack-1."
                                "memif\n"));
    EXPECT_THAT(leaf, HasSubstr("\nLimitMEMLOCK=infinity\n"));
    EXPECT_THAT(leaf, HasSubstr("\nNoNewPrivileges=yes\n"));
    EXPECT_THAT(files.at("ethlink-my-rack-gpu0.service"), Not(HasSubstr("--device")));
    EXPECT_THAT(files.at("ethlink-my-rack.target"),
                HasSubstr("Wants=ethlink-my-rack-leaf0.service\n"));
}

TEST(Export, ContainerlabGetsNoVariables) {
    const Files files = files_of(render_containerlab(
        good(rack_text()), {.program = {}, .image = "reg/ethlink:1", .place = {}}));
    const std::string& lab = files.at("my-rack.clab.yml");
    EXPECT_THAT(lab, HasSubstr("image: \"reg/ethlink:1\""));
    EXPECT_THAT(lab, HasSubstr("- endpoints: [\"leaf0:e1\", \"gpu1:e0\"]"));
    EXPECT_THAT(lab, HasSubstr("exec ethlink endpoint /etc/ethlink/my-rack.yaml --node gpu1"));
    EXPECT_THAT(lab, Not(HasSubstr("$"))) << "the engine would replace it";
}

TEST(Export, AnsibleWantsADevicePerPort) {
    const auto refused = render_ansible(good(rack_text(kNics)), {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(text(refused.error()), HasSubstr("`leaf0:e1` has no device"));
    const Files files = files_of(render_ansible(good(rack_text(kNics, kMoreNics)), {}));
    EXPECT_EQ(files.size(), 5u) << "inventory, playbook, a unit per node";
    EXPECT_THAT(files.at("inventory.yml"), HasSubstr("\nethlink_my_rack:\n  hosts:\n"));
    EXPECT_THAT(files.at("playbook.yml"), HasSubstr("  hosts: ethlink_my_rack\n"));
    EXPECT_TRUE(files.count("ethlink-my-rack-gpu1.service"));
}

TEST(Export, HalfALinkIsRefused) {
    const Fabric fabric = good(rack_text(R"(, devices: {"gpu0:e0": "0000:41:00.0"})"));
    EXPECT_FALSE(render_systemd(fabric, {}));
    EXPECT_TRUE(render_netns(fabric, {})) << "there every link is a veth pair";
}

}  // namespace
}  // namespace ethlink::control
