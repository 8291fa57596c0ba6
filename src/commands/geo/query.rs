//! The arguments of the searches: those of GEORADIUS, which have places, and those of GEOSEARCH,
//! which have names.

use super::args::{point, radius, sides, unit};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, ReplyError};
use crate::storage::types::geohash::Point;
use crate::storage::types::geohash::search::Shape;
use crate::storage::types::zset::ZSet;

/// Which search it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GEORADIUS; `store`: not the read-only form.
    Radius {
        store: bool,
    },
    /// GEORADIUSBYMEMBER.
    RadiusByMember {
        store: bool,
    },
    Search,
    SearchStore,
}

impl Kind {
    fn is_named(self) -> bool {
        matches!(self, Kind::Search | Kind::SearchStore)
    }

    /// Index of the key that is searched.
    pub fn key(self) -> usize {
        if self == Kind::SearchStore { 2 } else { 1 }
    }

    /// Index of the first option.
    fn options(self) -> usize {
        match self {
            Kind::Radius { .. } => 6,
            Kind::RadiusByMember { .. } => 5,
            Kind::Search => 2,
            Kind::SearchStore => 3,
        }
    }

    fn takes_store(self) -> bool {
        matches!(self, Kind::Radius { store: true } | Kind::RadiusByMember { store: true })
    }

    /// The event of a stored result.
    pub fn store_event(self) -> &'static str {
        if self.is_named() { "geosearchstore" } else { "georadiusstore" }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Ascending,
    Descending,
}

/// A search, all arguments parsed.
#[derive(Debug)]
pub struct Query<'a> {
    /// `None` if it is that of a member of a key that does not exist.
    pub center: Option<Point>,
    /// In units.
    shape: Option<Shape>,
    /// Metres of the unit.
    pub unit: f64,
    pub with_dist: bool,
    pub with_hash: bool,
    pub with_coord: bool,
    pub sort: Option<Sort>,
    /// 0 = all.
    pub count: usize,
    /// Stop at the first `count` found.
    pub any: bool,
    pub store: Option<&'a [u8]>,
    pub store_dist: bool,
    from_member: bool,
}

const NO_MEMBER: ReplyError = ReplyError::fixed("ERR could not decode requested zset member");

impl<'a> Query<'a> {
    /// `zset`: what the searched key holds. An argument is judged when its turn comes, so that the
    /// first wrong one decides the error.
    pub fn parse(args: Args<'a>, kind: Kind, zset: Option<&ZSet>) -> Result<Self, ReplyError> {
        let mut query = Query {
            center: None,
            shape: None,
            unit: 1.0,
            with_dist: false,
            with_hash: false,
            with_coord: false,
            sort: None,
            count: 0,
            any: false,
            store: (kind == Kind::SearchStore).then(|| args[1]),
            store_dist: false,
            from_member: false,
        };
        match kind {
            Kind::Radius { .. } => {
                query.center = Some(point(args[2], args[3])?);
                query.set_circle(args[4], args[5])?;
            }
            Kind::RadiusByMember { .. } => {
                // Without the key only the options are judged.
                if zset.is_some() {
                    query.set_member(zset, args[2])?;
                    query.set_circle(args[3], args[4])?;
                }
            }
            Kind::Search | Kind::SearchStore => {}
        }
        let mut rest = &args[kind.options()..];
        while let Some(used) = query.option(rest, kind, zset)? {
            rest = &rest[used..];
        }
        query.check(args[0], kind)?;
        Ok(query)
    }

    fn set_circle(&mut self, arg: &[u8], metres: &[u8]) -> Result<(), ReplyError> {
        self.shape = Some(Shape::Circle { radius: radius(arg)? });
        self.unit = unit(metres)?;
        Ok(())
    }

    fn set_member(&mut self, zset: Option<&ZSet>, member: &[u8]) -> Result<(), ReplyError> {
        if let Some(zset) = zset {
            let score = zset.score(member).ok_or(NO_MEMBER)?;
            self.center = Some(Point::from_score(score));
        }
        Ok(())
    }

    /// Takes the option at the start of `rest`: how many arguments it has, `None` at the end.
    fn option(
        &mut self,
        rest: &[&'a [u8]],
        kind: Kind,
        zset: Option<&ZSet>,
    ) -> Result<Option<usize>, ReplyError> {
        let [name, values @ ..] = rest else { return Ok(None) };
        let is = |option: &str, values_needed: usize| {
            is_option(name, option) && values.len() >= values_needed
        };
        match () {
            () if is("withdist", 0) => self.with_dist = true,
            () if is("withhash", 0) => self.with_hash = true,
            () if is("withcoord", 0) => self.with_coord = true,
            () if is("any", 0) => self.any = true,
            () if is("asc", 0) => self.sort = Some(Sort::Ascending),
            () if is("desc", 0) => self.sort = Some(Sort::Descending),
            () if is("count", 1) => {
                let count = usize::try_from(int(values[0])?).ok().filter(|count| *count > 0);
                self.count = count.ok_or(ReplyError::fixed("ERR COUNT must be > 0"))?;
                return Ok(Some(2));
            }
            () if kind.takes_store() && (is("store", 1) || is("storedist", 1)) => {
                self.store = Some(values[0]);
                self.store_dist = is("storedist", 1);
                return Ok(Some(2));
            }
            () if kind == Kind::SearchStore && is("storedist", 0) => self.store_dist = true,
            () if kind.is_named() => return self.named(rest, zset).map(Some),
            () => return Err(ReplyError::SYNTAX),
        }
        Ok(Some(1))
    }

    /// FROMMEMBER, FROMLONLAT, BYRADIUS, BYBOX. Each may come again, its counterpart not.
    fn named(&mut self, rest: &[&[u8]], zset: Option<&ZSet>) -> Result<usize, ReplyError> {
        let (name, values) = (rest[0], &rest[1..]);
        let is = |option: &str, values_needed: usize| {
            is_option(name, option) && values.len() >= values_needed
        };
        let from_position = self.center.is_some() && !self.from_member;
        let circle = matches!(self.shape, Some(Shape::Circle { .. }));
        let rectangle = matches!(self.shape, Some(Shape::Rectangle { .. }));
        if is("frommember", 1) && !from_position {
            self.set_member(zset, values[0])?;
            self.from_member = true;
            Ok(2)
        } else if is("fromlonlat", 2) && !self.from_member {
            self.center = Some(point(values[0], values[1])?);
            Ok(3)
        } else if is("byradius", 2) && !rectangle {
            self.set_circle(values[0], values[1])?;
            Ok(3)
        } else if is("bybox", 3) && !circle {
            let (width, height) = sides(values[0], values[1])?;
            self.shape = Some(Shape::Rectangle { width, height });
            self.unit = unit(values[2])?;
            Ok(4)
        } else {
            Err(ReplyError::SYNTAX)
        }
    }

    fn check(&mut self, command: &[u8], kind: Kind) -> Result<(), ReplyError> {
        let command = String::from_utf8_lossy(command);
        if self.store.is_some() && (self.with_dist || self.with_hash || self.with_coord) {
            let what = match kind {
                Kind::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            let text = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
            return Err(ReplyError::err(format!("{what} {text}")));
        }
        if kind.is_named() && self.center.is_none() && !self.from_member {
            let text = "exactly one of FROMMEMBER or FROMLONLAT can be specified for";
            return Err(ReplyError::err(format!("{text} {command}")));
        }
        if kind.is_named() && self.shape.is_none() {
            let text = "exactly one of BYRADIUS and BYBOX can be specified for";
            return Err(ReplyError::err(format!("{text} {command}")));
        }
        if self.any && self.count == 0 {
            return Err(ReplyError::fixed("ERR the ANY argument requires COUNT argument"));
        }
        // The nearest are wanted, unless any will do.
        if self.count > 0 && self.sort.is_none() && !self.any {
            self.sort = Some(Sort::Ascending);
        }
        Ok(())
    }

    /// The shape in metres; there is one if there is a centre.
    pub fn shape(&self) -> Option<Shape> {
        let unit = self.unit;
        self.shape.map(|shape| match shape {
            Shape::Circle { radius } => Shape::Circle { radius: radius * unit },
            Shape::Rectangle { width, height } => {
                Shape::Rectangle { width: width * unit, height: height * unit }
            }
        })
    }

    /// Fields of a result beside the member.
    pub fn fields(&self) -> usize {
        [self.with_dist, self.with_hash, self.with_coord].iter().filter(|with| **with).count()
    }

    /// Whether distances are replied, stored or compared.
    pub fn needs_distances(&self) -> bool {
        self.with_dist || self.sort.is_some() || (self.store.is_some() && self.store_dist)
    }
}
