//! Positions, units and distances: as arguments, and as replies.

use crate::commands::ReplyError;
use crate::commands::args::{float, is_option};
use crate::protocol::number::parse_f64;
use crate::protocol::reply::Reply;
use crate::storage::types::geohash::Point;

/// Longitude and latitude, each as a number before their range is looked at.
pub fn point(lon: &[u8], lat: &[u8]) -> Result<Point, ReplyError> {
    let at = Point { lon: float(lon)?, lat: float(lat)? };
    if at.is_valid() {
        return Ok(at);
    }
    let Point { lon, lat } = at;
    Err(ReplyError::err(format!("invalid longitude,latitude pair {lon:.6},{lat:.6}")))
}

/// Metres of a unit.
pub fn unit(arg: &[u8]) -> Result<f64, ReplyError> {
    const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = UNITS.iter().find(|(name, _)| is_option(arg, name));
    found
        .map(|(_, metres)| *metres)
        .ok_or(ReplyError::fixed("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// A radius in its unit.
pub fn radius(arg: &[u8]) -> Result<f64, ReplyError> {
    let radius = parse_f64(arg).ok_or(ReplyError::fixed("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(ReplyError::fixed("ERR radius cannot be negative"));
    }
    Ok(radius)
}

/// Width and height in their unit.
pub fn sides(width: &[u8], height: &[u8]) -> Result<(f64, f64), ReplyError> {
    let width = parse_f64(width).ok_or(ReplyError::fixed("ERR need numeric width"))?;
    let height = parse_f64(height).ok_or(ReplyError::fixed("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(ReplyError::fixed("ERR height or width cannot be negative"));
    }
    Ok((width, height))
}

/// A distance with four decimals.
pub fn reply_distance(reply: &mut Reply, distance: f64) {
    reply.bulk_str(&four_decimals(distance));
}

fn four_decimals(distance: f64) -> String {
    let scaled = (distance * 10_000.0).round_ties_even() as i64;
    format!("{}.{:04}", scaled / 10_000, scaled % 10_000)
}

/// A position as two numbers.
pub fn reply_point(reply: &mut Reply, at: Point) {
    reply.array(2);
    reply.double(at.lon);
    reply.double(at.lat);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_four_decimals() {
        assert_eq!(four_decimals(0.0), "0.0000");
        assert_eq!(four_decimals(0.775), "0.7750");
        assert_eq!(four_decimals(166_274.151_56), "166274.1516");
        assert_eq!(four_decimals(0.00004), "0.0000");
    }

    #[test]
    fn positions_off_the_map_are_told() {
        let error = point(b"181", b"0").unwrap_err();
        assert_eq!(error.text(), b"ERR invalid longitude,latitude pair 181.000000,0.000000");
        assert_eq!(point(b"x", b"0").unwrap_err(), ReplyError::NOT_FLOAT);
        assert!(point(b"-180", b"-85.05112878").is_ok());
    }
}
