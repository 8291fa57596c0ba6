//! RESP2, RESP3 and inline: parsing requests, writing replies, number texts.

pub mod error;
pub mod number;
pub mod reply;
pub mod request;
