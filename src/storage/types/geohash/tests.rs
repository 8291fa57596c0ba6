//! Geohashes against known ones and against the plain formula.

use proptest::prelude::*;

use super::search::{Search, Shape};
use super::*;

const PALERMO: Point = Point { lon: 13.361389, lat: 38.115556 };
const CATANIA: Point = Point { lon: 15.087269, lat: 37.502669 };

#[test]
fn known_positions_have_the_scores_of_redis() {
    assert_eq!(PALERMO.score(), 3_479_099_956_230_698);
    assert_eq!(CATANIA.score(), 3_479_447_370_796_909);
    let palermo = Point::from_score(3_479_099_956_230_698.0);
    assert_eq!(palermo, Point { lon: 13.361389338970184, lat: 38.1155563954963 });
    assert_eq!(&palermo.text(), b"sqc8b49rny0");
    let catania = Point::from_score(3_479_447_370_796_909.0);
    assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
}

#[test]
fn any_score_has_a_position() {
    for score in [0.0, -1.0, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY, 1.8e19, 9.3e18] {
        assert!(Point::from_score(score).is_valid(), "{score}");
    }
    assert_eq!(score_int(1e30), i64::MIN);
    assert_eq!(score_int(-1e30), i64::MIN);
    assert_eq!(score_int(-2.5), -2);
}

#[test]
fn neighbours_go_round_the_world() {
    let cell = Cell::around(Point { lon: 179.9, lat: 0.1 }, 3);
    let east = cell.neighbour(1, 0);
    assert_eq!(east.area().lon_min, LON_MIN);
    assert_eq!(east.neighbour(-1, 0), cell);
    let north = cell.neighbour(0, 1);
    assert_eq!(north.area().lat_min, cell.area().lat_max);
    assert_eq!(north.neighbour(0, -1), cell);
}

fn points() -> impl Strategy<Value = Point> {
    // Beyond 70 degrees the cells of Redis miss some positions.
    (-179.9..179.9, -70.0..70.0).prop_map(|(lon, lat)| Point { lon, lat })
}

proptest! {
    #[test]
    fn a_position_is_near_that_of_its_score(at in points()) {
        let back = Point::from_score(at.score() as f64);
        prop_assert!(at.distance(back) < 1.0);
        prop_assert_eq!(back.score(), at.score());
    }

    #[test]
    fn a_cell_holds_the_scores_of_its_area(at in points(), step in 1_u32..27) {
        let (from, to) = Cell::around(at, step).scores();
        prop_assert!((from..to).contains(&at.score()));
    }

    #[test]
    fn a_circle_holds_what_the_plain_formula_says(
        center in points(),
        to in points(),
        radius in prop_oneof![0.0..1e6, 0.0..2.1e7],
    ) {
        let search = Search::new(center, Shape::Circle { radius });
        let plain = center.distance(to);
        prop_assert_eq!(search.distance(to, true), (plain <= radius).then_some(plain));
        prop_assert_eq!(search.distance(to, false).is_some(), plain <= radius);
        let edge = Search::new(center, Shape::Circle { radius: plain });
        prop_assert_eq!(edge.distance(to, true), Some(plain));
        prop_assert!(edge.distance(to, false).is_some());
        let less = f64::from_bits(plain.to_bits() - 1);
        let inside = Search::new(center, Shape::Circle { radius: less });
        prop_assert_eq!(inside.distance(to, false), None);
    }

    #[test]
    fn cells_cover_the_circle(center in points(), to in points(), radius in 0.0..2e6) {
        let score = to.score();
        let at = Point::from_score(score as f64);
        let search = Search::new(center, Shape::Circle { radius });
        let covered = search.cells().iter().any(|cell| {
            let (from, end) = cell.scores();
            (from..end).contains(&score)
        });
        prop_assert!(covered || search.distance(at, true).is_none());
    }
}
