//! A database against a plain map.
