//! Entries of every shape, and every change of shape, against plain values.
