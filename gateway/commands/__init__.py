"""The operator's commands, a module a group; `gateway.cli` lists them. They import what they need when they run."""
