//! Options: other machines that serve the same game.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "cluster",
        BusServers(|o| &mut o.cluster.servers),
        "",
        "Serve one game with other machines, over these NATS servers, separated by commas; not given: alone",
    )
    .in_echo(InEcho::Absent),
    entry("node", NodeName(|o| &mut o.cluster.node), "", "The name of this server in the cluster, which is its own")
        .in_echo(InEcho::Absent),
    entry(
        "cluster-id",
        ClusterId(|o| &mut o.cluster.id),
        "sysconn",
        "The name of the cluster: those with other names may use the same NATS servers",
    )
    .in_echo(InEcho::Absent),
    entry(
        "cluster-ca",
        File(|o| &mut o.cluster.ca),
        "",
        "Speak TLS with the NATS servers, and trust the certificates in this PEM file; not given: those that the system trusts",
    )
    .in_echo(InEcho::Absent),
    entry(
        "cluster-cert",
        File(|o| &mut o.cluster.cert),
        "",
        "Show the NATS servers the certificate chain in this PEM file",
    )
    .in_echo(InEcho::Absent),
    entry("cluster-key", File(|o| &mut o.cluster.key), "", "The private key of --cluster-cert, in PEM")
        .in_echo(InEcho::Absent),
    entry(
        "cluster-credentials",
        File(|o| &mut o.cluster.credentials),
        "",
        "Log in at the NATS servers with the one line of this file: USER:PASSWORD, or the seed of an nkey",
    )
    .in_echo(InEcho::Absent),
    entry(
        "cluster-insecure",
        Switch(|o| &mut o.cluster.is_insecure),
        "false",
        "Use NATS servers on other machines without TLS or without credentials",
    )
    .in_echo(InEcho::Absent),
    entry(
        "cluster-required",
        Switch(|o| &mut o.cluster.is_required),
        "false",
        "Refuse logins with ErrorID 6 while no NATS server can be used",
    )
    .in_echo(InEcho::Absent),
    entry(
        "cluster-ready",
        Switch(|o| &mut o.cluster.is_for_ready),
        "false",
        "With --admin, /readyz fails while no NATS server can be used",
    )
    .in_echo(InEcho::Absent),
    entry(
        "accounts-node",
        NodeName(|o| &mut o.cluster.accounts_node),
        "",
        "Accounts of --wechat-appid and used tokens of --login-replay are in the store of this server of the cluster",
    )
    .in_echo(InEcho::Absent),
];
