// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <utility>

#include "control/capacity.h"
#include "control/deploy/export.h"
#include "control/deploy/quote.h"
#include "control/deploy/wiring.h"
#include "control/topology.h"

namespace ethlink::control {
namespace {

using Errors = std::vector<ConfigError>;

/// Group names take no `-`.
std::string group_of(const Fabric& fabric) {
    std::string name = "ethlink_" + fabric.name;
    std::ranges::replace(name, '-', '_');
    return name;
}

std::vector<std::string> how_to_run() {
    return {"  ansible-playbook -i inventory.yml playbook.yml --check    # what it would do",
            "  ansible-playbook -i inventory.yml playbook.yml", "",
            "A host per node; say in inventory.yml by which address each is reached. `ethlink` is",
            "installed on them, and their NICs are bound (dpdk-devbind.py) before the first run."};
}

/// An error if the node's limits do not add up.
Expected<std::string, Errors> inventory_of(const Fabric& fabric) {
    std::string text = head_comment(fabric, "ansible", how_to_run());
    text += "\n" + group_of(fabric) + ":\n  hosts:\n";
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        const FabricNode& node = fabric.nodes[n];
        const auto plan = plan_capacity(fabric, NodeId{n});
        if (!plan) return Unexpected<Errors>(plan.error());
        text += "    " + yaml_string(node.name) + ":\n";
        text += "      # ansible_host: the address of the host that is to be " + node.name + "\n";
        text += "      ethlink_node: " + yaml_string(node.name) + "\n";
        text += std::string("      ethlink_kind: ") + command_word(node.kind) + "\n";
        text += "      ethlink_memory_mib: " + std::to_string((plan->memory_bytes() >> 20) + 1) +
                "\n      ethlink_devices:\n";
        for (const FabricPort& port : node.ports) {
            text +=
                "        - " + yaml_string(node.name + ":" + port.name + "=" + port.device) + "\n";
        }
    }
    return text;
}

std::string playbook_of(const Fabric& fabric, const ExportOptions& options) {
    const std::string file = fabric_file_name(fabric);
    const std::string unit = "ethlink-" + fabric.name + "-{{ ethlink_node }}.service";
    std::string text = head_comment(fabric, "ansible", how_to_run());
    text += "\n- name: " + yaml_string("Fabric " + fabric.name + ", a process per node") + "\n";
    text += "  hosts: " + group_of(fabric) + "\n  become: true\n  tasks:\n";
    text +=
        "    - name: Directory of fabric files\n      ansible.builtin.file:\n"
        "        path: /etc/ethlink\n        state: directory\n        mode: \"0755\"\n\n";
    text +=
        "    - name: Fabric file, the same on every host\n      ansible.builtin.copy:\n"
        "        src: " +
        yaml_string(file) + "\n        dest: " + yaml_string("/etc/ethlink/" + file) +
        "\n        mode: \"0644\"\n      notify: Restart the node\n\n";
    text +=
        "    - name: The file suits this node\n      ansible.builtin.command:\n"
        "        argv: [" +
        yaml_string(options.program) + ", check, " + yaml_string("/etc/ethlink/" + file) +
        ", --node, \"{{ ethlink_node }}\"]\n      changed_when: false\n"
        "      when: not ansible_check_mode\n\n";
    text += "    - name: Unit of this node\n      ansible.builtin.copy:\n        src: " +
            yaml_string(unit) + "\n        dest: " + yaml_string("/etc/systemd/system/" + unit) +
            "\n        mode: \"0644\"\n      notify: Restart the node\n\n";
    text +=
        "    - name: It runs, and starts at every boot\n      ansible.builtin.systemd:\n"
        "        name: " +
        yaml_string(unit) +
        "\n        daemon_reload: true\n        enabled: true\n        state: started\n\n";
    text +=
        "  handlers:\n    - name: Restart the node\n      ansible.builtin.systemd:\n"
        "        name: " +
        yaml_string(unit) + "\n        daemon_reload: true\n        state: restarted\n";
    return text;
}

}  // namespace

Rendered render_ansible(Fabric fabric, const ExportOptions& options) {
    Errors errors;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        const Errors found = check_runs_alone(fabric, NodeId{n});
        errors.insert(errors.end(), found.begin(), found.end());
    }
    if (!errors.empty()) return Unexpected<Errors>(std::move(errors));
    auto inventory = inventory_of(fabric);
    if (!inventory) return Unexpected<Errors>(inventory.error());
    std::vector<RenderedFile> files{{"inventory.yml", std::move(*inventory)},
                                    {"playbook.yml", playbook_of(fabric, options)}};
    auto units = render_systemd(std::move(fabric), options);
    if (!units) return units;
    for (RenderedFile& unit : *units) {
        if (unit.name.ends_with(".service")) files.push_back(std::move(unit));
    }
    return files;
}

}  // namespace ethlink::control
