//! The table against a naive map: random operations, scanning under resizing, chains, pauses.
