//! FAILOVER: a master hands its role to a replica that has everything.
//!
//! Writes are paused until a replica (the named one, or any) has acknowledged the whole stream;
//! then this server becomes its replica and asks it, within PSYNC, to take over.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, ReplyError};
use crate::server::Server;
use crate::server::pause::{PausePurpose, action};

/// How far a failover is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailoverState {
    #[default]
    None,
    WaitForSync,
    InProgress,
}

/// A failover in progress.
#[derive(Debug, Default)]
pub struct Failover {
    pub state: FailoverState,
    /// ms since the epoch; 0 = none.
    end_ms: i64,
    force: bool,
    target: Option<(String, u16)>,
}

impl Failover {
    /// As INFO names it.
    pub fn name(&self) -> &'static str {
        match self.state {
            FailoverState::None => "no-failover",
            FailoverState::WaitForSync => "waiting-for-sync",
            FailoverState::InProgress => "failover-in-progress",
        }
    }
}

/// The arguments of FAILOVER.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    timeout_ms: i64,
    force: bool,
    target: Option<(String, i64)>,
}

fn parse(args: Args<'_>) -> Result<Request, ReplyError> {
    let mut request = Request::default();
    let mut i = 1;
    while i < args.len() {
        let left = args.len() - i - 1;
        if is_option(args[i], "timeout") && left >= 1 && request.timeout_ms == 0 {
            request.timeout_ms = int(args[i + 1])?;
            if request.timeout_ms <= 0 {
                return Err(ReplyError::fixed("ERR FAILOVER timeout must be greater than 0"));
            }
            i += 2;
        } else if is_option(args[i], "to") && left >= 2 && request.target.is_none() {
            let host = String::from_utf8_lossy(args[i + 1]).into_owned();
            request.target = Some((host, int(args[i + 2])?));
            i += 3;
        } else if is_option(args[i], "force") && !request.force {
            request.force = true;
            i += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Ok(request)
}

impl Server {
    pub fn failover_is_running(&self) -> bool {
        self.replication.failover.state != FailoverState::None
    }

    /// The failover that runs ends at some time by itself.
    pub(super) fn failover_has_deadline(&self) -> bool {
        self.replication.failover.end_ms != 0
    }

    /// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]
    pub fn start_failover(&mut self, args: Args<'_>) -> Result<(), ReplyError> {
        if args.len() == 2 && is_option(args[1], "abort") {
            if !self.failover_is_running() {
                return Err(ReplyError::fixed("ERR No failover in progress."));
            }
            self.abort_failover("Failover manually aborted");
            return Ok(());
        }
        let request = parse(args)?;
        let target = self.check_failover(&request)?;
        match &target {
            Some((host, port)) => {
                self.log_notice(&format!("FAILOVER requested to {host}:{port}."));
            }
            None => self.log_notice("FAILOVER requested to any replica."),
        }
        let end_ms = match request.timeout_ms {
            0 => 0,
            timeout_ms => self.clock.cmd_time_ms.saturating_add(timeout_ms),
        };
        let state = FailoverState::WaitForSync;
        self.replication.failover = Failover { state, end_ms, force: request.force, target };
        self.pause_actions(PausePurpose::Failover, i64::MAX, action::WRITE_SET);
        Ok(())
    }

    /// The address of the replica that is asked for, if one is.
    fn check_failover(&self, request: &Request) -> Result<Option<(String, u16)>, ReplyError> {
        let error = |text| Err(ReplyError::fixed(text));
        if self.failover_is_running() {
            return error("ERR FAILOVER already in progress.");
        }
        if self.is_replica() {
            return error("ERR FAILOVER is not valid when server is a replica.");
        }
        if self.replication.replicas.is_empty() {
            return error("ERR FAILOVER requires connected replicas.");
        }
        if request.force && (request.timeout_ms == 0 || request.target.is_none()) {
            return error(
                "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
            );
        }
        let Some((host, port)) = &request.target else { return Ok(None) };
        let Some(replica) = self.find_replica(host, *port) else {
            return error("ERR FAILOVER target HOST and PORT is not a replica.");
        };
        if replica.state != super::replicas::ReplicaState::Online {
            return error("ERR FAILOVER target replica is not online.");
        }
        Ok(Some((host.clone(), *port as u16)))
    }

    fn find_replica(&self, host: &str, port: i64) -> Option<&super::replicas::Replica> {
        self.replication.replicas.iter().find(|replica| {
            replica.conf.port == port
                && replica.host().is_some_and(|own| own.eq_ignore_ascii_case(host))
        })
    }

    /// The failover is over, well or not: writes go on.
    pub(super) fn clear_failover(&mut self) {
        self.replication.failover = Failover::default();
        self.unpause_actions(PausePurpose::Failover);
    }

    /// Gives a failover up; if the replica was asked already, this server is the master again.
    pub(super) fn abort_failover(&mut self, reason: &str) {
        let failover = &self.replication.failover;
        if failover.state == FailoverState::None {
            return;
        }
        let in_progress = failover.state == FailoverState::InProgress;
        self.log_notice(&match &failover.target {
            Some((host, port)) => format!("FAILOVER to {host}:{port} aborted: {reason}"),
            None => format!("FAILOVER to any replica aborted: {reason}"),
        });
        if in_progress {
            self.unset_master();
        }
        self.clear_failover();
    }

    /// Hands over as soon as a replica has everything, or when time is up.
    pub(super) fn update_failover(&mut self) {
        if self.replication.failover.state != FailoverState::WaitForSync {
            return;
        }
        let failover = &self.replication.failover;
        if failover.end_ms != 0 && failover.end_ms <= self.clock.now_ms {
            match (&failover.target, failover.force) {
                (Some((host, port)), true) => {
                    let (host, port) = (host.clone(), *port);
                    self.log_notice(&format!(
                        "FAILOVER to {host}:{port} time out exceeded, failing over."
                    ));
                    self.hand_over(host, port);
                }
                _ => self.abort_failover("Replica never caught up before timeout"),
            }
            return;
        }
        let end = self.master_repl_offset();
        let ready = match &failover.target {
            Some((host, port)) => self.find_replica(host, i64::from(*port)),
            None => self.replication.replicas.iter().find(|r| r.ack_offset == end),
        };
        let Some(ready) = ready.filter(|replica| replica.ack_offset == end) else { return };
        let Some(host) = ready.host() else { return };
        let port = ready.conf.port as u16;
        self.log_notice(&format!("Failover target {host}:{port} is synced, failing over."));
        self.hand_over(host, port);
    }

    fn hand_over(&mut self, host: String, port: u16) {
        self.replication.failover.state = FailoverState::InProgress;
        self.replication.failover.target = Some((host.clone(), port));
        self.set_master(host.into_bytes(), port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let argv: &[&[u8]] = &[b"failover", b"TIMEOUT", b"5", b"to", b"h", b"7", b"force"];
        let request = parse(Args(argv)).unwrap();
        assert_eq!(request, Request { timeout_ms: 5, force: true, target: Some(("h".into(), 7)) });
        for bad in [
            &[&b"failover"[..], b"timeout"][..],
            &[b"failover", b"timeout", b"0"],
            &[b"failover", b"to", b"h"],
            &[b"failover", b"force", b"force"],
            &[b"failover", b"x"],
        ] {
            assert!(parse(Args(bad)).is_err(), "{bad:?}");
        }
    }
}
