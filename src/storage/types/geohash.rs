//! Geohashes: positions on the earth as the scores of a sorted set, so that near ones are (mostly)
//! neighbours, and the cells that a search must look at.
//!
//! ```text
//! 52 bits:  lon25 lat25 lon24 lat24 … lon0 lat0     each of 26 bits, a fraction of its range
//! a cell of `step` s = all positions with the same first 2s bits
//! ```
//!
//! Not sorted sets, and not the commands' arguments. Invariant: every floating point operation
//! stands in the order that Redis' geohash_helper.c gives it, as clients see all digits.
//!
//! The distance is the haversine formula on a sphere.

pub mod search;
#[cfg(test)]
mod tests;

/// Bits of one coordinate.
pub const STEP_MAX: u32 = 26;
pub const LON_MIN: f64 = -180.0;
pub const LON_MAX: f64 = 180.0;
/// The Web Mercator limits (EPSG:900913): no positions at the poles.
pub const LAT_MIN: f64 = -85.051_128_78;
pub const LAT_MAX: f64 = 85.051_128_78;
/// Quadratic mean radius, metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// Bits of the longitudes of interleaved ones, and those of the latitudes.
const LON_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const LAT_BITS: u64 = 0x5555_5555_5555_5555;

fn radians(degrees: f64) -> f64 {
    degrees * DEGREE
}

fn degrees(radians: f64) -> f64 {
    radians / DEGREE
}

/// A position in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub lon: f64,
    pub lat: f64,
}

impl Point {
    /// Whether positions like this can be scores.
    pub fn is_valid(self) -> bool {
        (LON_MIN..=LON_MAX).contains(&self.lon) && (LAT_MIN..=LAT_MAX).contains(&self.lat)
    }

    /// The score of a valid position.
    pub fn score(self) -> u64 {
        Cell::around(self, STEP_MAX).bits
    }

    /// The position a score stands for: the middle of its smallest cell. Any number gives one.
    pub fn from_score(score: f64) -> Point {
        let area = Cell { bits: score_bits(score), step: STEP_MAX }.area();
        Point {
            lon: ((area.lon_min + area.lon_max) / 2.0).clamp(LON_MIN, LON_MAX),
            lat: ((area.lat_min + area.lat_max) / 2.0).clamp(LAT_MIN, LAT_MAX),
        }
    }

    /// Metres between two positions.
    pub fn distance(self, other: Point) -> f64 {
        let v = ((radians(other.lon) - radians(self.lon)) / 2.0).sin();
        if v == 0.0 {
            return lat_distance(self.lat, other.lat);
        }
        let (lat1, lat2) = (radians(self.lat), radians(other.lat));
        let u = ((lat2 - lat1) / 2.0).sin();
        arc(u * u + lat1.cos() * lat2.cos() * v * v)
    }

    /// The standard text of eleven letters, whose latitudes reach the poles; as 52 bits do not fill
    /// it, the last letter is always "0".
    pub fn text(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        const LETTER_BITS: u32 = 5;
        let bits = interleave(
            fraction(self.lat, -90.0, 90.0, STEP_MAX),
            fraction(self.lon, LON_MIN, LON_MAX, STEP_MAX),
        );
        let mut text = [b'0'; 11];
        let mut shift = 2 * STEP_MAX;
        for letter in &mut text[..10] {
            shift -= LETTER_BITS;
            *letter = ALPHABET[(bits >> shift & 31) as usize];
        }
        text
    }
}

/// Metres on the sphere for the square of half the chord.
fn arc(a: f64) -> f64 {
    2.0 * EARTH_RADIUS * a.sqrt().asin()
}

/// Metres between two latitudes along a meridian.
fn lat_distance(lat1: f64, lat2: f64) -> f64 {
    EARTH_RADIUS * (radians(lat2) - radians(lat1)).abs()
}

/// C's conversion to a 64-bit integer, as x86 does it: what does not fit is the lowest number.
pub fn score_int(score: f64) -> i64 {
    // Out of range at both ends saturates; the upper end is not the lowest number yet.
    if score >= i64::MAX as f64 { i64::MIN } else { score as i64 }
}

/// C's conversion of a score to unsigned bits, as compilers do it on x86.
fn score_bits(score: f64) -> u64 {
    const TOP: f64 = i64::MAX as f64;
    if score < TOP { score_int(score) as u64 } else { score_int(score - TOP) as u64 ^ 1 << 63 }
}

/// Where a coordinate lies in its range, as `step` bits (the end of the range needs one more).
fn fraction(degrees: f64, min: f64, max: f64, step: u32) -> u32 {
    let offset = (degrees - min) / (max - min);
    (offset * (1_u64 << step) as f64) as u32
}

/// Bits of `even` at the even places, of `odd` at the odd ones (Anderson, Bit Twiddling Hacks).
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

fn spread(x: u32) -> u64 {
    let mut x = u64::from(x);
    x = (x | x << 16) & 0x0000_ffff_0000_ffff;
    x = (x | x << 8) & 0x00ff_00ff_00ff_00ff;
    x = (x | x << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & LAT_BITS
}

/// The bits at the even places.
fn gather(x: u64) -> u32 {
    let mut x = x & LAT_BITS;
    x = (x | x >> 1) & 0x3333_3333_3333_3333;
    x = (x | x >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    (x | x >> 16) as u32
}

/// A rectangle of the map, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub lon_min: f64,
    pub lon_max: f64,
    pub lat_min: f64,
    pub lat_max: f64,
}

/// A cell of the map: all positions whose score begins with these `2 * step` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub bits: u64,
    pub step: u32,
}

impl Cell {
    /// The cell of that size around a valid position.
    pub fn around(at: Point, step: u32) -> Cell {
        let bits = interleave(
            fraction(at.lat, LAT_MIN, LAT_MAX, step),
            fraction(at.lon, LON_MIN, LON_MAX, step),
        );
        Cell { bits, step }
    }

    pub fn area(self) -> Area {
        let (lat, lon) = (gather(self.bits), gather(self.bits >> 1));
        let cells = (1_u64 << self.step) as f64;
        let at = |n: u32, min: f64, max: f64| min + f64::from(n) / cells * (max - min);
        Area {
            lat_min: at(lat, LAT_MIN, LAT_MAX),
            lat_max: at(lat.wrapping_add(1), LAT_MIN, LAT_MAX),
            lon_min: at(lon, LON_MIN, LON_MAX),
            lon_max: at(lon.wrapping_add(1), LON_MIN, LON_MAX),
        }
    }

    /// The scores of the cell: from the first to before the second.
    pub fn scores(self) -> (u64, u64) {
        let shift = 2 * (STEP_MAX - self.step);
        (self.bits << shift, (self.bits + 1) << shift)
    }

    /// The neighbour so many cells (-1, 0, 1) to the east and to the north; round the world.
    fn neighbour(self, east: i32, north: i32) -> Cell {
        let unused = 64 - 2 * self.step;
        let (lon, lat) = (self.bits & LON_BITS, self.bits & LAT_BITS);
        let (lon_mask, lat_mask) = (LON_BITS >> unused, LAT_BITS >> unused);
        // With the other coordinate's bits set a carry runs through them.
        let lon = match east {
            0 => lon,
            1 => lon.wrapping_add(lat_mask + 1) & lon_mask,
            _ => (lon | lat_mask).wrapping_sub(lat_mask + 1) & lon_mask,
        };
        let lat = match north {
            0 => lat,
            1 => lat.wrapping_add(lon_mask + 1) & lat_mask,
            _ => (lat | lon_mask).wrapping_sub(lon_mask + 1) & lat_mask,
        };
        Cell { bits: lon | lat, step: self.step }
    }
}
