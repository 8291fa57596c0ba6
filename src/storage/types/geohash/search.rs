//! Searches: which cells of the map may hold positions within a circle or a rectangle, and whether
//! a position is within.
//!
//! Invariant: the cells and the answers are those of Redis, its known gaps near the poles
//! included. What is decided without the full formula is decided with a margin far above the
//! rounding errors of it.

use super::{Area, Cell, EARTH_RADIUS, Point, STEP_MAX, arc, degrees, lat_distance, radians};

/// Half of the equator in Web Mercator metres.
const MERCATOR_MAX: f64 = 20_037_726.37;
/// Beyond this relative distance from a limit no exact comparison is needed.
const MARGIN: f64 = 1e-9;

/// What is searched, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Circle { radius: f64 },
    Rectangle { width: f64, height: f64 },
}

/// A shape around a position.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    center: Point,
    shape: Shape,
    /// Of the centre.
    lon_radians: f64,
    lat_radians: f64,
    lat_cos: f64,
    /// Squares of half chords below and above the radius, margin included.
    surely_within: f64,
    surely_outside: f64,
}

impl Search {
    pub fn new(center: Point, shape: Shape) -> Search {
        let (surely_within, surely_outside) = match shape {
            // Beyond a quarter of the circumference the chord says too little.
            Shape::Circle { radius } if radius < EARTH_RADIUS => {
                let chord = (radius / (2.0 * EARTH_RADIUS)).sin();
                let square = chord * chord;
                (square * (1.0 - MARGIN), square * (1.0 + MARGIN) + f64::MIN_POSITIVE)
            }
            _ => (-1.0, f64::INFINITY),
        };
        let lat_radians = radians(center.lat);
        Search {
            center,
            shape,
            lon_radians: radians(center.lon),
            lat_radians,
            lat_cos: lat_radians.cos(),
            surely_within,
            surely_outside,
        }
    }

    /// Metres from the centre to a position within the shape; `None` outside. Unless `exact`, the
    /// distance may be told as 0.
    #[inline]
    pub fn distance(&self, to: Point, exact: bool) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => self.distance_in_circle(to, radius, exact),
            Shape::Rectangle { width, height } => {
                if lat_distance(to.lat, self.center.lat) > height / 2.0 {
                    return None;
                }
                let east = to.distance(Point { lon: self.center.lon, lat: to.lat });
                (east <= width / 2.0).then(|| self.center.distance(to))
            }
        }
    }

    /// [`Point::distance`], with what depends on the centre alone computed once, and the inverse
    /// sine only where it matters.
    fn distance_in_circle(&self, to: Point, radius: f64, exact: bool) -> Option<f64> {
        let lat = radians(to.lat);
        if EARTH_RADIUS * (lat - self.lat_radians).abs() > radius * (1.0 + MARGIN) {
            return None;
        }
        let v = ((radians(to.lon) - self.lon_radians) / 2.0).sin();
        let distance = if v == 0.0 {
            lat_distance(self.center.lat, to.lat)
        } else {
            let u = ((lat - self.lat_radians) / 2.0).sin();
            let square = u * u + self.lat_cos * lat.cos() * v * v;
            if square > self.surely_outside {
                return None;
            }
            if !exact && square < self.surely_within {
                return Some(0.0);
            }
            arc(square)
        };
        (distance <= radius).then_some(distance)
    }

    /// The box around the shape: since parallels get shorter towards the poles, its width is that
    /// at the shape's edge which is farther from the equator.
    fn bounds(&self) -> Area {
        let Point { lon, lat } = self.center;
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Rectangle { width, height } => (width / 2.0, height / 2.0),
        };
        let lat_delta = degrees(height / EARTH_RADIUS);
        let edge = if lat < 0.0 { lat - lat_delta } else { lat + lat_delta };
        let lon_delta = degrees(width / EARTH_RADIUS / radians(edge).cos());
        Area {
            lon_min: lon - lon_delta,
            lon_max: lon + lon_delta,
            lat_min: lat - lat_delta,
            lat_max: lat + lat_delta,
        }
    }

    /// The cells to look at, in Redis' order: the centre's, then those around it that are needed.
    /// On a coarse map two of them may be the same; each is given once.
    pub fn cells(&self) -> Vec<Cell> {
        let reach = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Rectangle { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let bounds = self.bounds();
        let mut step = step_for(reach, self.center.lat);
        let mut middle = Cell::around(self.center, step);
        if step > 1 && reaches_beyond(middle, &bounds) {
            step -= 1;
            middle = Cell::around(self.center, step);
        }
        let area = middle.area();
        let all = step < 2;
        let south = all || area.lat_min >= bounds.lat_min;
        let north = all || area.lat_max <= bounds.lat_max;
        let west = all || area.lon_min >= bounds.lon_min;
        let east = all || area.lon_max <= bounds.lon_max;
        let around = [
            (true, 0, 0),
            (north, 0, 1),
            (south, 0, -1),
            (east, 1, 0),
            (west, -1, 0),
            (north && east, 1, 1),
            (north && west, -1, 1),
            (south && east, 1, -1),
            (south && west, -1, -1),
        ];
        let mut cells = Vec::with_capacity(around.len());
        for (_, east, north) in around.into_iter().filter(|(wanted, ..)| *wanted) {
            let cell = middle.neighbour(east, north);
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }
}

/// Whether the shape's box leaves the nine cells.
fn reaches_beyond(middle: Cell, bounds: &Area) -> bool {
    middle.neighbour(0, 1).area().lat_max < bounds.lat_max
        || middle.neighbour(0, -1).area().lat_min > bounds.lat_min
        || middle.neighbour(1, 0).area().lon_max < bounds.lon_max
        || middle.neighbour(-1, 0).area().lon_min > bounds.lon_min
}

/// The size of cells of which nine cover a reach of so many metres (mostly: the caller checks).
fn step_for(mut reach: f64, lat: f64) -> u32 {
    if reach == 0.0 {
        return STEP_MAX;
    }
    let mut step = 1_i32;
    while reach < MERCATOR_MAX {
        reach *= 2.0;
        step += 1;
    }
    step -= 2;
    // Cells get narrower towards the poles.
    step -= i32::from(lat.abs() > 66.0) + i32::from(lat.abs() > 80.0);
    step.clamp(1, STEP_MAX as i32) as u32
}
