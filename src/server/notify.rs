//! Keyspace notifications: `__keyspace@db__:key` and `__keyevent@db__:event` messages.

use super::Server;
use crate::config::NotifyFlags;

impl Server {
    /// Publishes an event if `notify-keyspace-events` asks for its class.
    #[inline]
    pub fn notify(&mut self, class: NotifyFlags, event: &str, key: &[u8], db: usize) {
        if self.config.notify_keyspace_events.intersects(class) {
            self.publish_event(event, key, db);
        }
    }

    #[cold]
    fn publish_event(&mut self, event: &str, key: &[u8], db: usize) {
        let flags = self.config.notify_keyspace_events;
        if flags.contains(NotifyFlags::KEYSPACE) {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish(&channel, event.as_bytes(), false);
        }
        if flags.contains(NotifyFlags::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{event}");
            self.publish(channel.as_bytes(), key, false);
        }
    }
}
